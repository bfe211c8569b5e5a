import {
  getArgumentValues,
  GraphQLError,
  locatedError,
  type ExecutionResult,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type FragmentDefinitionNode,
} from 'graphql';
import type { FieldPlan, ObjectPlan, PlanSource, Shape } from './plan.js';

/** An object or a list of the answer, and where it lies. */
class Place {
  /** Given up: this or something around it was replaced by null, so that nothing below matters any more. */
  lost = false;

  constructor(
    readonly container: Record<string | number, unknown>,
    readonly nullable: boolean,
    readonly parent: Place | undefined,
    readonly key: string | number,
    /** Of an object. */
    readonly type: GraphQLObjectType | undefined,
  ) {}
}

/** One run of an operation. Values are put into the answer as they come; it is finished when nothing is waited for. */
class Execution {
  readonly errors: GraphQLError[] = [];
  readonly args = new Map<FieldPlan, object>();
  data: object | null = null;
  pending = 1;
  finish: () => void = () => {};
  fail: (error: unknown) => void = () => {};

  constructor(
    readonly source: PlanSource,
    readonly variableValues: Record<string, unknown>,
    readonly rootValue: unknown,
    readonly context: unknown,
  ) {}

  result(): ExecutionResult {
    const data = this.data as Record<string, unknown> | null;
    return this.errors.length === 0 ? { data } : { errors: this.errors, data };
  }
}

/** What resolvers learn about their field. One small object for each call: what is the same for all of them stays where it is. */
class ResolveInfo implements GraphQLResolveInfo {
  readonly #execution: Execution;
  readonly #field: FieldPlan;
  readonly #place: Place;

  constructor(execution: Execution, field: FieldPlan, place: Place) {
    this.#execution = execution;
    this.#field = field;
    this.#place = place;
  }

  get fieldName(): string {
    return this.#field.definition.name;
  }
  get fieldNodes(): readonly FieldNode[] {
    return this.#field.nodes;
  }
  get returnType(): GraphQLOutputType {
    return this.#field.definition.type;
  }
  get parentType(): GraphQLObjectType {
    return this.#field.parentType;
  }
  get path(): GraphQLResolveInfo['path'] {
    return pathTo(this.#place, this.#field.responseName);
  }
  get schema(): GraphQLSchema {
    return this.#execution.source.schema;
  }
  get fragments(): Record<string, FragmentDefinitionNode> {
    return this.#execution.source.fragments as Record<string, FragmentDefinitionNode>;
  }
  get rootValue(): unknown {
    return this.#execution.rootValue;
  }
  get operation(): OperationDefinitionNode {
    return this.#execution.source.operation;
  }
  get variableValues(): Record<string, unknown> {
    return this.#execution.variableValues;
  }
}

/** Answers an operation as graphql-js does (https://spec.graphql.org/October2021/#sec-Execution), following a plan. */
export function executePlan(
  plan: ObjectPlan,
  source: PlanSource,
  variableValues: Record<string, unknown>,
  rootValue: unknown,
  context: unknown,
): ExecutionResult | Promise<ExecutionResult> {
  const execution = new Execution(source, variableValues, rootValue, context);
  const root = new Place(new plan.Result(), true, undefined, '', plan.type);
  execution.data = root.container;
  executeFields(execution, plan, root, rootValue);
  execution.pending -= 1;
  if (execution.pending === 0) return execution.result();
  return new Promise((resolve, reject) => {
    execution.finish = () => resolve(execution.result());
    execution.fail = reject;
  });
}

function executeFields(execution: Execution, plan: ObjectPlan, place: Place, source: unknown): void {
  const { fields } = plan;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index]!;
    let value: unknown;
    try {
      value = ask(execution, field, place, source);
    } catch (error) {
      refuse(execution, field, field.shape.nonNull, place, field.responseName, error);
      if (place.lost) return;
      continue;
    }
    completeOrWait(execution, field, field.shape, place, field.responseName, value);
    if (place.lost) return;
  }
}

/** The field's value as its resolver gives it, or as the object has it. */
function ask(execution: Execution, field: FieldPlan, place: Place, source: unknown): unknown {
  const { definition } = field;
  if (definition.resolve) return definition.resolve(source, argsOf(execution, field), execution.context, new ResolveInfo(execution, field, place));
  if ((typeof source !== 'object' || source === null) && typeof source !== 'function') return undefined;
  const property = (source as Record<string, unknown>)[definition.name];
  if (typeof property !== 'function') return property;
  return property.call(source, argsOf(execution, field), execution.context, new ResolveInfo(execution, field, place));
}

/** The same for all parents of a level. */
function argsOf(execution: Execution, field: FieldPlan): object {
  if (field.args) return field.args;
  let args = execution.args.get(field);
  if (!args) execution.args.set(field, (args = getArgumentValues(field.definition, field.nodes[0]!, execution.variableValues)));
  return args;
}

function completeOrWait(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, value: unknown): void {
  if (!isPromise(value)) return complete(execution, field, shape, place, key, value);
  place.container[key] = undefined; // Names stand in the order in which they were selected.
  execution.pending += 1;
  value.then(
    settled => settle(execution, () => complete(execution, field, shape, place, key, settled)),
    (error: unknown) => settle(execution, () => refuse(execution, field, shape.nonNull, place, key, error)),
  );
}

function settle(execution: Execution, work: () => void): void {
  try {
    work();
    execution.pending -= 1;
    if (execution.pending === 0) execution.finish();
  } catch (error) {
    execution.fail(error);
  }
}

/** Puts a field's value, or a list's item, into the answer. */
function complete(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, value: unknown): void {
  if (value === null || value === undefined) {
    if (shape.nonNull) return refuse(execution, field, true, place, key, new Error(`Cannot return null for non-nullable field ${field.parentType.name}.${field.definition.name}.`));
    place.container[key] = null;
    return;
  }
  if (value instanceof Error) return refuse(execution, field, shape.nonNull, place, key, value);
  switch (shape.kind) {
    case 'leaf':
      return completeLeaf(execution, field, shape, place, key, value);
    case 'list':
      return completeList(execution, field, shape, place, key, value);
    case 'object': {
      const plan = shape.plan();
      const object = new plan.Result();
      place.container[key] = object;
      return executeFields(execution, plan, new Place(object, !shape.nonNull, place, key, plan.type), value);
    }
  }
}

function completeLeaf(execution: Execution, field: FieldPlan, shape: Extract<Shape, { kind: 'leaf' }>, place: Place, key: string | number, value: unknown): void {
  let serialized: unknown;
  try {
    serialized = shape.type.serialize(value);
    if (serialized === null || serialized === undefined) throw new Error(`Expected ${shape.type.name}.serialize to return a value that is not null.`);
  } catch (error) {
    return refuse(execution, field, shape.nonNull, place, key, error);
  }
  place.container[key] = serialized;
}

function completeList(execution: Execution, field: FieldPlan, shape: Extract<Shape, { kind: 'list' }>, place: Place, key: string | number, value: unknown): void {
  if (typeof value !== 'object' || !(Symbol.iterator in value!)) {
    const error = new GraphQLError(`Expected Iterable, but did not find one for field "${field.parentType.name}.${field.definition.name}".`);
    return refuse(execution, field, shape.nonNull, place, key, error);
  }
  const items: readonly unknown[] = Array.isArray(value) ? value : Array.from(value as Iterable<unknown>);
  const results: unknown[] = [];
  place.container[key] = results;
  const list = new Place(results as unknown as Place['container'], !shape.nonNull, place, key, undefined);
  for (let index = 0; index < items.length; index += 1) {
    completeOrWait(execution, field, shape.item, list, index, items[index]);
    if (list.lost) return;
  }
}

/** Notes an error and puts null in its place, or in that of the nearest object or list around it that may be null. */
function refuse(execution: Execution, field: FieldPlan, nonNull: boolean, place: Place, key: string | number, error: unknown): void {
  for (let around: Place | undefined = place; around; around = around.parent) if (around.lost) return;
  execution.errors.push(locatedError(error, field.nodes as FieldNode[], pathKeys(place, key)));
  if (!nonNull) {
    place.container[key] = null;
    return;
  }
  let gone = place;
  gone.lost = true;
  while (!gone.nullable && gone.parent) {
    gone = gone.parent;
    gone.lost = true;
  }
  if (gone.parent) gone.parent.container[gone.key] = null;
  else execution.data = null;
}

function pathKeys(place: Place, key: string | number): (string | number)[] {
  const keys = [key];
  for (let around = place; around.parent; around = around.parent) keys.push(around.key);
  return keys.reverse();
}

function pathTo(place: Place, key: string | number): GraphQLResolveInfo['path'] {
  return { key, prev: place.parent && pathTo(place.parent, place.key), typename: place.type?.name };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
