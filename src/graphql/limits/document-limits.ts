import {
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { AppError } from '../../base/app-error.js';
import type { Config } from '../../config.js';

/** The limits that a document's own shape can exceed, whatever the schema. */
export type DocumentLimits = Pick<
  Config['limits'],
  | 'selections'
  | 'depth'
  | 'fragments'
  | 'fragmentDepth'
  | 'aliases'
  | 'duplicatedFields'
  | 'directives'
  | 'directivesPerNode'
  | 'rootFields'
>;

/** How large a piece of a document is with its fragments written out. */
interface Size {
  selections: number;
  depth: number;
  fragmentDepth: number;
  aliases: number;
  directives: number;
}

/**
 * Why a document is too large to be validated and executed; undefined where it is not. Linear in
 * what was sent: a fragment is measured once, however often it is spread, so that thirty fragments
 * which double each other are known to be 2^30 selections without counting them. Validation comes
 * later, since its rules compare fields in pairs.
 */
export function documentProblem(
  document: DocumentNode,
  limits: DocumentLimits,
): AppError | undefined {
  const measure = new Measure(document, limits);
  if (measure.fragments.size > limits.fragments)
    return tooComplexError(`defines ${measure.fragments.size} fragments`, limits.fragments);
  let selections = 0;
  for (const root of measure.roots()) {
    const size = measure.sizeOf(root.selectionSet);
    selections += size.selections;
    if (measure.cycle !== undefined)
      return new AppError(
        'BAD_USER_INPUT',
        `Cannot spread fragment "${measure.cycle}" within itself, directly or through others.`,
      );
    if (measure.directivesOnOneNode > limits.directivesPerNode)
      return tooComplexError(
        `has ${measure.directivesOnOneNode} directives on one field or fragment`,
        limits.directivesPerNode,
      );
    if (size.depth > limits.depth)
      return tooComplexError(`nests fields ${size.depth} levels deep`, limits.depth);
    if (size.fragmentDepth > limits.fragmentDepth)
      return tooComplexError(
        `nests fragments ${size.fragmentDepth} levels deep`,
        limits.fragmentDepth,
      );
    if (selections > limits.selections)
      return tooComplexError(
        `selects ${large(selections)} fields and fragments, with fragments counted at every use`,
        limits.selections,
      );
    if (size.aliases > limits.aliases)
      return tooComplexError(`has ${large(size.aliases)} aliases`, limits.aliases);
    if (size.directives > limits.directives)
      return tooComplexError(`has ${large(size.directives)} directives`, limits.directives);
    const { fields, duplicates } = measure.fieldsOf(root.selectionSet);
    if (root.kind === Kind.OPERATION_DEFINITION && fields > limits.rootFields)
      return tooComplexError(`has ${fields} root fields`, limits.rootFields);
    if (duplicates > limits.duplicatedFields)
      return tooComplexError(
        `repeats fields ${duplicates} times in the same selection set`,
        limits.duplicatedFields,
      );
  }
  return undefined;
}

/** Fields and fragments of a document that is not too large, each at every use. */
export function selectionsOf(document: DocumentNode, limits: DocumentLimits): number {
  const measure = new Measure(document, limits);
  let selections = 0;
  for (const { selectionSet } of measure.roots())
    selections += measure.sizeOf(selectionSet).selections;
  return selections;
}

function tooComplexError(what: string, limit: number): AppError {
  return new AppError('QUERY_TOO_COMPLEX', `The operation ${what}; the limit is ${limit}.`);
}

/** Doubled often enough, a number says nothing to people. */
function large(count: number): string {
  return count > 1_000_000 ? 'more than a million' : String(count);
}

class Measure {
  readonly fragments = new Map<string, FragmentDefinitionNode>();
  readonly #sizes = new Map<string, Size>();
  directivesOnOneNode = 0;
  /** A fragment that spreads itself: what cannot be written out cannot be measured either. */
  cycle: string | undefined;

  constructor(
    private readonly document: DocumentNode,
    private readonly limits: DocumentLimits,
  ) {
    for (const definition of document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION)
        this.fragments.set(definition.name.value, definition);
  }

  /**
   * All operations, then the fragments that none of them reaches, since validation looks at those
   * too.
   */
  *roots(): Generator<OperationDefinitionNode | FragmentDefinitionNode> {
    for (const definition of this.document.definitions)
      if (definition.kind === Kind.OPERATION_DEFINITION) yield definition;
    for (const [name, fragment] of this.fragments) {
      if (this.#sizes.has(name)) continue;
      this.#sizes.set(name, IN_PROGRESS);
      yield fragment;
    }
  }

  sizeOf({ selections }: SelectionSetNode): Size {
    const size: Size = { selections: 0, depth: 0, fragmentDepth: 0, aliases: 0, directives: 0 };
    for (const selection of selections) this.#add(size, selection);
    return size;
  }

  #add(size: Size, selection: SelectionNode): void {
    const directives = selection.directives?.length ?? 0;
    this.directivesOnOneNode = Math.max(this.directivesOnOneNode, directives);
    const inner = this.#innerSize(selection);
    const isField = selection.kind === Kind.FIELD;
    size.selections += 1 + inner.selections;
    size.depth = Math.max(size.depth, inner.depth + (isField ? 1 : 0));
    size.fragmentDepth = Math.max(size.fragmentDepth, inner.fragmentDepth + (isField ? 0 : 1));
    size.aliases += inner.aliases + (isField && selection.alias ? 1 : 0);
    size.directives += directives + inner.directives;
  }

  #innerSize(selection: SelectionNode): Size {
    if (selection.kind !== Kind.FRAGMENT_SPREAD)
      return selection.selectionSet ? this.sizeOf(selection.selectionSet) : NOTHING;
    const name = selection.name.value;
    const known = this.#sizes.get(name);
    if (known) {
      if (known === IN_PROGRESS) this.cycle ??= name;
      return known;
    }
    const fragment = this.fragments.get(name);
    // Validation refuses a fragment that is not there.
    if (!fragment) return NOTHING;
    this.#sizes.set(name, IN_PROGRESS);
    const size = this.sizeOf(fragment.selectionSet);
    this.#sizes.set(name, size);
    return size;
  }

  /**
   * How many fields a selection holds itself, and how many in it and below stand beside one of the
   * same name. Only for what `cachedSize` found to be small.
   */
  fieldsOf(selectionSet: SelectionSetNode): { fields: number; duplicates: number } {
    const names = new Map<string, number>();
    let fields = 0;
    let duplicates = 0;
    const collect = (set: SelectionSetNode): void => {
      for (const selection of set.selections) {
        // Enough is known: what is nested below would be counted in vain.
        if (duplicates > this.limits.duplicatedFields) return;
        if (selection.kind === Kind.FIELD) {
          const name = (selection.alias ?? selection.name).value;
          const before = names.get(name) ?? 0;
          names.set(name, before + 1);
          fields += 1;
          if (before > 0) duplicates += 1;
          if (selection.selectionSet)
            duplicates += this.fieldsOf(selection.selectionSet).duplicates;
        } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
        else {
          const fragment = this.fragments.get(selection.name.value);
          if (fragment) collect(fragment.selectionSet);
        }
      }
    };
    collect(selectionSet);
    return { fields, duplicates };
  }
}

const NOTHING: Size = { selections: 0, depth: 0, fragmentDepth: 0, aliases: 0, directives: 0 };
const IN_PROGRESS: Size = { ...NOTHING };
