// Longer than 300 lines: one estimate, whose functions call each other for each selection.
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { RULE } from '../../auth/requires.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../connection.js';
import { LIST_SIZE, type ListSize } from './list-size.js';

/** What a list counts as that says nothing of its size. */
const UNKNOWN_SIZE = 10;

type Variables = Readonly<Record<string, unknown>>;

/**
 * How many rows an operation may read at most, by the sizes that it asks for, and how often it
 * shows again what it shows already; by variables, as far as those say the sizes.
 */
export type OperationCost = number | ((variables: Variables) => number);

/**
 * A field that reads, how many objects it leads to for each of its parents, and the fields that
 * read below it.
 */
interface Branch {
  readonly size: OperationCost;
  /**
   * Whether the objects are rows to be read or copies of what is shown already, rather than parts
   * of what is there.
   */
  readonly isCounted: boolean;
  /**
   * What it costs for each parent at least: its resolver is called, and may answer nothing or an
   * error.
   */
  readonly least: number;
  readonly branches: readonly Branch[];
}

/**
 * A value that is shown under a second name: it takes as much room in the answer, and as long to be
 * put there, as some ten others of a row.
 */
const AGAIN = 10;
const ALIASED_VALUE: Branch = { size: AGAIN, isCounted: true, least: AGAIN, branches: [] };

/**
 * The cost of a valid operation: each list as long as its page, for each of its parents as many
 * times. A value that is part of its object costs nothing, and any field under a further alias as
 * much as ten rows at least. Fields that are asked for twice under one name count once, as they are
 * executed once; @skip and @include do not matter.
 */
export function operationCost(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
): OperationCost {
  const root = schema.getRootType(operation.operation)!;
  const branches = branchesOf({ schema, operation, fragments }, root, [operation.selectionSet]);
  if (branches.every(isConstant)) return total(branches, {});
  return variables => total(branches, variables);
}

function isConstant({ size, branches }: Branch): boolean {
  return typeof size === 'number' && branches.every(isConstant);
}

/**
 * `parents`: objects that are read; `shown`: those that stand in the answer, where an empty page of
 * each is one too, with values of its own.
 */
function total(
  branches: readonly Branch[],
  variables: Variables,
  parents = 1,
  shown = parents,
): number {
  let sum = 0;
  for (const branch of branches) {
    const { size, isCounted, least, branches: nested } = branch;
    const objects = typeof size === 'number' ? size : size(variables);
    const positions = Math.max(objects, 1);
    if (isCounted)
      sum += branch === ALIASED_VALUE ? shown * positions : parents * Math.max(positions, least);
    sum += total(nested, variables, parents * objects, shown * positions);
  }
  return sum;
}

interface OperationSource {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
}

/**
 * `sized`: the field that these selections stand under says how many there are. `again`: what they
 * show is shown already, under another name.
 */
function branchesOf(
  source: OperationSource,
  type: GraphQLCompositeType,
  sets: readonly SelectionSetNode[],
  { sized: isSized = false, again: isRepeated = false } = {},
): Branch[] {
  const branches: Branch[] = [];
  const shown = new Set<string>();
  for (const { parent, nodes } of collectFields(source, type, sets)) {
    const name = nodes[0]!.name.value;
    const isCopy = isRepeated || shown.has(`${parent.name}.${name}`);
    shown.add(`${parent.name}.${name}`);
    const field = fieldOf(parent, name);
    const target = field && getNamedType(field.type);
    if (!field || !isCompositeType(target)) {
      if (isCopy) branches.push(ALIASED_VALUE);
      continue;
    }
    const sizeOfField = isIntrospectionType(parent)
      ? isListOf(field.type) && (() => schemaSize(source.schema, name))
      : declaredSize(field);
    // A list in what has its size already, such as `nodes`, adds nothing to it.
    const isUnknown = !sizeOfField && !isSized && isListOf(field.type);
    const size = sizeOfField
      ? sizeOfField(nodes[0]!, source.operation)
      : isUnknown
        ? UNKNOWN_SIZE
        : 1;
    // The schema is in memory.
    const isRead =
      !isIntrospectionType(target) &&
      (Boolean(sizeOfField) ||
        isUnknown ||
        (!isListOf(field.type) && field.extensions[RULE] !== undefined));
    const isCounted = isRead || isCopy;
    const nested = branchesOf(
      source,
      target,
      nodes.flatMap(node => node.selectionSet ?? []),
      { sized: Boolean(sizeOfField), again: isCopy && !isRead },
    );
    if (isCounted || nested.length > 0)
      branches.push({ size, isCounted, least: isCopy ? AGAIN : 1, branches: nested });
  }
  return branches;
}

function fieldOf(
  parent: GraphQLCompositeType,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
  if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
  return 'getFields' in parent ? parent.getFields()[name] : undefined;
}

/** How long a list of the introspection is, about. */
function schemaSize(schema: GraphQLSchema, name: string): number {
  return name === 'types' ? Object.keys(schema.getTypeMap()).length : UNKNOWN_SIZE;
}

interface CollectedField {
  readonly parent: GraphQLCompositeType;
  readonly nodes: FieldNode[];
}

/** The fields under one object by name; of an interface, also those that some of its types have. */
function collectFields(
  { schema, fragments }: OperationSource,
  type: GraphQLCompositeType,
  sets: readonly SelectionSetNode[],
): Iterable<CollectedField> {
  const fields = new Map<string, CollectedField>();
  const visited = new Set<string>();
  const visit = (set: SelectionSetNode, parent: GraphQLCompositeType): void => {
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        // Of types that exclude each other, the same name may stand for different fields; an object
        // is of one of them, so the first by type counts.
        const key = `${isAbstractType(type) ? parent.name : ''} ${(node.alias ?? node.name).value}`;
        const known = fields.get(key);
        if (known) known.nodes.push(node);
        else fields.set(key, { parent, nodes: [node] });
        continue;
      }
      const name = node.kind === Kind.FRAGMENT_SPREAD ? node.name.value : undefined;
      if (name !== undefined && visited.has(name)) continue;
      if (name !== undefined) visited.add(name);
      const fragment = node.kind === Kind.FRAGMENT_SPREAD ? fragments[name!] : node;
      if (!fragment) continue;
      const condition = fragment.typeCondition
        ? schema.getType(fragment.typeCondition.name.value)
        : parent;
      if (isCompositeType(condition)) visit(fragment.selectionSet, condition);
    }
  };
  for (const set of sets) visit(set, type);
  return fields.values();
}

function isListOf(type: GraphQLOutputType): boolean {
  return isListType(isNonNullType(type) ? type.ofType : type);
}

/** How a field's size follows from its arguments; undefined where they do not say it. */
function declaredSize(
  field: GraphQLField<unknown, unknown>,
): ((node: FieldNode, operation: OperationDefinitionNode) => OperationCost) | undefined {
  const sizeOfField = field.extensions[LIST_SIZE] as ListSize | undefined;
  if (sizeOfField)
    return (node, operation) =>
      sizeBy(node, operation, [sizeOfField.argument], sizeOfField.default);
  if (!getNamedType(field.type).name.endsWith('Connection')) return undefined;
  return (node, operation) => sizeBy(node, operation, ['first', 'last'], DEFAULT_PAGE_SIZE);
}

function sizeBy(
  node: FieldNode,
  { variableDefinitions = [] }: OperationDefinitionNode,
  paths: readonly string[],
  fallback: number,
): OperationCost {
  const defaults = new Map(
    variableDefinitions.map(definition => [
      definition.variable.name.value,
      definition.defaultValue,
    ]),
  );
  const readers = paths.map(path => readerOf(node, path.split('.'), defaults));
  if (readers.every(reader => typeof reader !== 'function'))
    return sizeOf(
      readers.find(value => value != null),
      fallback,
    );
  return variables =>
    sizeOf(
      readers
        .map(reader => (typeof reader === 'function' ? reader(variables) : reader))
        .find(value => value != null),
      fallback,
    );
}

/**
 * What is no size, or too large a one, is refused where it is used, with its name: at every parent,
 * so that it is not for nothing.
 */
function sizeOf(value: unknown, fallback: number): number {
  if (value == null) return fallback;
  // Where a list is wanted, one value is a list of one.
  const size = Array.isArray(value) ? value.length : typeof value === 'number' ? value : 1;
  return size >= 0 && size <= MAX_PAGE_SIZE ? size : MAX_PAGE_SIZE;
}

/** The value at `path` of a field's arguments; a function where variables have it. */
function readerOf(
  node: FieldNode,
  [argument, ...path]: string[],
  defaults: ReadonlyMap<string, ValueNode | undefined>,
): unknown {
  let value: ValueNode | undefined = node.arguments?.find(
    ({ name }) => name.value === argument,
  )?.value;
  while (value?.kind === Kind.OBJECT && path.length > 0) {
    const name = path.shift();
    value = value.fields.find(field => field.name.value === name)?.value;
  }
  if (value?.kind !== Kind.VARIABLE) return value && literalValue(value);
  const { name } = value;
  const fallback = defaults.get(name.value);
  return (variables: Variables) =>
    path.reduce(
      ownMember,
      Object.hasOwn(variables, name.value)
        ? variables[name.value]
        : fallback && literalAt(fallback, path),
    );
}

/**
 * Callers name variables as they like, `toString` too: what every object has is no value of theirs.
 */
function ownMember(holder: unknown, key: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key)
    ? (holder as Variables)[key]
    : undefined;
}

function literalAt(value: ValueNode, path: readonly string[]): unknown {
  return path.reduceRight<unknown>(
    (nested, key) => ({ [key]: nested }),
    literalValue(
      path.reduce<ValueNode | undefined>(
        (node, key) =>
          node?.kind === Kind.OBJECT
            ? node.fields.find(field => field.name.value === key)?.value
            : undefined,
        value,
      ),
    ),
  );
}

function literalValue(value: ValueNode | undefined): unknown {
  if (value?.kind === Kind.INT) return Number(value.value);
  return value?.kind === Kind.LIST ? value.values : undefined;
}
