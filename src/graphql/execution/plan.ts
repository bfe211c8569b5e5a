import {
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  visit,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import { BATCH, type BatchResolver } from '../batch.js';
import type { FieldSelections } from '../selection.js';

/**
 * What an operation, with fixed answers to its @skip and @include, asks of objects of one type.
 * Fields are worked out when first met.
 */
export interface ObjectPlan {
  readonly type: GraphQLObjectType;
  readonly fields: readonly FieldPlan[];
  /**
   * An empty object of the answer. Made by a constructor, all of a plan share one hidden class;
   * without a prototype, any name may be a field.
   */
  readonly Result: new () => Record<string, unknown>;
}

/** One field of the answer: all nodes of the operation that ask for it, merged. */
export interface FieldPlan {
  readonly responseName: string;
  readonly parentType: GraphQLObjectType;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly nodes: readonly FieldNode[];
  /**
   * undefined where they depend on variables, and of mutations, which may change what they are
   * given.
   */
  readonly args: object | undefined;
  readonly shape: Shape;
  /** What is selected of rows below it, as far as it was asked for. */
  readonly selections: FieldSelections;
  /** Answers all parents of a level in one call. */
  readonly batch: BatchResolver | undefined;
  /** A leaf that objects have as a property: nobody is asked for it. */
  readonly isProperty: boolean;
}

export type LeafShape = Extract<Shape, { kind: 'leaf' }>;
export type ObjectShape = Extract<Shape, { kind: 'object' }>;
export type ListShape = Extract<Shape, { kind: 'list' }>;
export type AbstractShape = Extract<Shape, { kind: 'abstract' }>;

/** A field's type, unwrapped into what has to be done with its values. */
export type Shape =
  | { readonly kind: 'leaf'; readonly nonNull: boolean; readonly type: GraphQLLeafType }
  | { readonly kind: 'list'; readonly nonNull: boolean; readonly item: Shape }
  | { readonly kind: 'object'; readonly nonNull: boolean; readonly plan: () => ObjectPlan }
  | {
      readonly kind: 'abstract';
      readonly nonNull: boolean;
      readonly type: GraphQLAbstractType;
      readonly planOf: (type: GraphQLObjectType) => ObjectPlan;
    };

/** What plans of one operation are made from. */
export interface PlanSource {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /**
   * Values of the variables that @skip and @include ask for; no other variable decides what is
   * selected.
   */
  readonly conditions: Readonly<Record<string, unknown>>;
}

export function planOperation(source: PlanSource): ObjectPlan {
  const { schema, operation, fragments, conditions } = source;
  const type = schema.getRootType(operation.operation)!;
  return toObjectPlan(
    source,
    type,
    collectFields(schema, fragments as never, conditions, type, operation.selectionSet),
  );
}

/**
 * No field of a type may have a name that begins as theirs do, and validation finds `__schema` and
 * `__type` at the root alone.
 */
const META_FIELDS = new Map(
  [SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef].map(field => [field.name, field]),
);

function toObjectPlan(
  source: PlanSource,
  type: GraphQLObjectType,
  selected: ReadonlyMap<string, readonly FieldNode[]>,
): ObjectPlan {
  const fields: FieldPlan[] = [];
  for (const [responseName, nodes] of selected) {
    const [node] = nodes as [FieldNode];
    const definition = META_FIELDS.get(node.name.value) ?? type.getFields()[node.name.value]!;
    const shape = toShape(source, definition.type, nodes);
    const args =
      type === source.schema.getMutationType() ? undefined : fixedArguments(definition, node);
    fields.push({
      responseName,
      parentType: type,
      definition,
      nodes,
      args,
      shape,
      batch: definition.extensions[BATCH] as BatchResolver | undefined,
      isProperty: shape.kind === 'leaf' && !definition.resolve && args !== undefined,
      selections: new Map(),
    });
  }
  return { type, fields, Result: constructorFor([...selected.keys()]) };
}

/** V8 makes room in all objects of a constructor for what the first few of them hold. */
const FIRST_OBJECTS = 8;

function constructorFor(names: readonly string[]): ObjectPlan['Result'] {
  const Result = function () {} as unknown as ObjectPlan['Result'];
  Result.prototype = Object.create(null);
  for (let nth = 0; nth < FIRST_OBJECTS; nth += 1) {
    const object = new Result();
    for (const name of names) object[name] = undefined;
  }
  return Result;
}

function toShape(
  source: PlanSource,
  type: GraphQLOutputType,
  nodes: readonly FieldNode[],
  nonNull = false,
): Shape {
  if (isNonNullType(type)) return toShape(source, type.ofType, nodes, true);
  if (isListType(type)) return { kind: 'list', nonNull, item: toShape(source, type.ofType, nodes) };
  if (isLeafType(type)) return { kind: 'leaf', nonNull, type };
  const plans = new Map<GraphQLObjectType, ObjectPlan>();
  const planOf = (objectType: GraphQLObjectType): ObjectPlan => {
    let plan = plans.get(objectType);
    if (!plan) {
      const selected = collectSubfields(
        source.schema,
        source.fragments as never,
        source.conditions,
        objectType,
        nodes,
      );
      plans.set(objectType, (plan = toObjectPlan(source, objectType, selected)));
    }
    return plan;
  };
  if (isAbstractType(type)) return { kind: 'abstract', nonNull, type, planOf };
  let plan: ObjectPlan | undefined;
  return { kind: 'object', nonNull, plan: () => (plan ??= planOf(type as GraphQLObjectType)) };
}

/**
 * The arguments where they are written in the operation itself: the same in every request, so that
 * nobody may change them.
 */
function fixedArguments(
  definition: GraphQLField<unknown, unknown>,
  node: FieldNode,
): object | undefined {
  let usesVariables = false;
  for (const argument of node.arguments ?? [])
    visit(argument, { [Kind.VARIABLE]: () => void (usesVariables = true) });
  if (usesVariables) return undefined;
  try {
    return frozen(getArgumentValues(definition, node));
  } catch {
    return undefined; // Tried again, and reported, where the field is executed.
  }
}

/** With all that is in it, however deep: what one request changed, the next would find. */
function frozen<T extends object>(value: T): T {
  // Numbers in memory of their own cannot be frozen.
  if (ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value) as unknown[])
    if (typeof member === 'object' && member !== null) frozen(member);
  return Object.freeze(value);
}
