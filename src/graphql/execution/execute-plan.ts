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
import { inspect } from 'graphql/jsutils/inspect.js';
import type { FieldPlan, ObjectPlan, PlanSource, Shape } from './plan.js';

/** What became of a value: it is in the answer, or is waited for, or it failed where null is not allowed. */
type Outcome = typeof DONE | typeof WAITING | typeof FAILED;
const DONE = 0;
const WAITING = 1;
const FAILED = 2;

/** An object or a list of the answer, and where it lies. */
class Place {
  /** How many values in it are waited for. Not counted down where no error waits: see `Execution.delayed`. */
  waiting = 0;

  constructor(
    readonly container: Record<string | number, unknown>,
    readonly nullable: boolean,
    readonly parent: Place | undefined,
    readonly key: string | number,
    /** Of an object. */
    readonly type: GraphQLObjectType | undefined,
    /** Its value came through a promise. */
    readonly late: boolean,
  ) {}
}

/** One run of an operation. Values are put into the answer as they come; it is finished when nothing is waited for. */
class Execution {
  readonly errors: GraphQLError[] = [];
  readonly args = new Map<FieldPlan, object>();
  data: object | null = null;
  pending = 1;
  /** The error of what FAILED last. */
  failure: GraphQLError | undefined;
  /** Errors of objects in which something else is waited for first. */
  readonly delayed = new Map<Place, GraphQLError>();
  /** What has failed, and takes no other failure. */
  readonly failed = new Set<Place>();
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

/**
 * Answers an operation as graphql-js does (https://spec.graphql.org/October2021/#sec-Execution), following a plan. The same errors are told
 * in the same order, also where several of them make one and the same null: see `later`.
 */
export function executePlan(
  plan: ObjectPlan,
  source: PlanSource,
  variableValues: Record<string, unknown>,
  rootValue: unknown,
  context: unknown,
): ExecutionResult | Promise<ExecutionResult> {
  const execution = new Execution(source, variableValues, rootValue, context);
  const root = new Place(new plan.Result(), true, undefined, '', plan.type, false);
  execution.data = root.container;
  if (executeFields(execution, plan, root, rootValue) === FAILED) reportAt(execution, root, execution.failure!);
  execution.pending -= 1;
  if (execution.pending === 0) return execution.result();
  return new Promise((resolve, reject) => {
    execution.finish = () => resolve(execution.result());
    execution.fail = reject;
  });
}

function executeFields(execution: Execution, plan: ObjectPlan, place: Place, source: unknown): Outcome {
  const { fields } = plan;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index]!;
    let outcome: Outcome;
    try {
      outcome = completeOrWait(execution, field, field.shape, place, field.responseName, ask(execution, field, place, source));
    } catch (error) {
      outcome = refuse(execution, field, field.shape, place, field.responseName, error);
    }
    if (outcome === WAITING) place.waiting += 1;
    else if (outcome === FAILED) return failOrDelay(execution, place);
  }
  return place.waiting > 0 ? WAITING : DONE;
}

/** The field's value as its resolver gives it, or as the object has it. */
function ask(execution: Execution, field: FieldPlan, place: Place, source: unknown): unknown {
  const { definition } = field;
  if (definition.resolve) return definition.resolve(source, argsOf(execution, field), execution.context, new ResolveInfo(execution, field, place));
  if (!field.args) argsOf(execution, field); // They may be wrong, whether or not they are asked for.
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

function completeOrWait(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, value: unknown): Outcome {
  if (isPromise(value)) return wait(execution, field, shape, place, key, value);
  const outcome = complete(execution, field, shape, place, key, value, false);
  return outcome === FAILED ? nullOrFailed(execution, shape, place, key) : outcome;
}

function wait(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, value: PromiseLike<unknown>): Outcome {
  place.container[key] = undefined; // Names stand in the order in which they were selected.
  execution.pending += 1;
  try {
    value.then(
      settled => settle(execution, () => completeLate(execution, field, shape, place, key, settled)),
      (error: unknown) => settle(execution, () => refuseLater(execution, shape, place, key, located(error, field, place, key))),
    );
    return WAITING;
  } catch (error) {
    execution.pending -= 1;
    return refuse(execution, field, shape, place, key, error);
  }
}

function completeLate(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, value: unknown): void {
  const outcome = complete(execution, field, shape, place, key, value, true);
  if (outcome === FAILED) refuseLater(execution, shape, place, key, execution.failure!);
  else if (outcome === DONE && execution.delayed.size > 0) later(execution, 1, () => doneIn(execution, place));
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

/** Puts a field's value, or a list's item, into the answer. Where it FAILED, whoever asked has to put null there, or to fail. */
function complete(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, value: unknown, late: boolean): Outcome {
  if (value === null || value === undefined) {
    if (shape.nonNull) return failed(execution, new Error(`Cannot return null for non-nullable field ${field.parentType.name}.${field.definition.name}.`), field, place, key);
    place.container[key] = null;
    return DONE;
  }
  if (value instanceof Error) return failed(execution, value, field, place, key);
  switch (shape.kind) {
    case 'leaf':
      return completeLeaf(execution, field, shape, place, key, value);
    case 'list':
      return completeList(execution, field, shape, place, key, value, late);
    case 'object': {
      const plan = shape.plan();
      const object = new plan.Result();
      place.container[key] = object;
      return executeFields(execution, plan, new Place(object, !shape.nonNull, place, key, plan.type, late), value);
    }
  }
}

function completeLeaf(execution: Execution, field: FieldPlan, shape: Extract<Shape, { kind: 'leaf' }>, place: Place, key: string | number, value: unknown): Outcome {
  try {
    const serialized = shape.type.serialize(value);
    if (serialized === null || serialized === undefined) {
      throw new Error(`Expected \`${shape.type.name}.serialize(${inspect(value)})\` to return non-nullable value, returned: ${inspect(serialized)}`);
    }
    place.container[key] = serialized;
    return DONE;
  } catch (error) {
    return failed(execution, error, field, place, key);
  }
}

function completeList(execution: Execution, field: FieldPlan, shape: Extract<Shape, { kind: 'list' }>, place: Place, key: string | number, value: unknown, late: boolean): Outcome {
  if (typeof value !== 'object' || typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function') {
    const error = new GraphQLError(`Expected Iterable, but did not find one for field "${field.parentType.name}.${field.definition.name}".`);
    return failed(execution, error, field, place, key);
  }
  const results: unknown[] = [];
  place.container[key] = results;
  const list = new Place(results as unknown as Place['container'], !shape.nonNull, place, key, undefined, late);
  let index = 0;
  try {
    for (const item of value as Iterable<unknown>) {
      const outcome = completeOrWait(execution, field, shape.item, list, index, item);
      if (outcome === WAITING) list.waiting += 1;
      else if (outcome === FAILED) {
        execution.failed.add(list); // Items that are waited for are left alone.
        return FAILED;
      }
      index += 1;
    }
  } catch (error) {
    execution.failed.add(list);
    return failed(execution, error, field, place, key);
  }
  return list.waiting > 0 ? WAITING : DONE;
}

function located(error: unknown, field: FieldPlan, place: Place, key: string | number): GraphQLError {
  return locatedError(error, field.nodes as FieldNode[], pathKeys(place, key));
}

function failed(execution: Execution, error: unknown, field: FieldPlan, place: Place, key: string | number): typeof FAILED {
  execution.failure = located(error, field, place, key);
  return FAILED;
}

function refuse(execution: Execution, field: FieldPlan, shape: Shape, place: Place, key: string | number, error: unknown): Outcome {
  failed(execution, error, field, place, key);
  return nullOrFailed(execution, shape, place, key);
}

/** After a failure: null in its place, if that may be. */
function nullOrFailed(execution: Execution, shape: Shape, place: Place, key: string | number): typeof DONE | typeof FAILED {
  if (shape.nonNull) return FAILED;
  report(execution, place, execution.failure!);
  place.container[key] = null;
  return DONE;
}

/** Tells an error, unless the answer has null in place of something around it. */
function report(execution: Execution, place: Place, error: GraphQLError): void {
  let around = place;
  for (; around.parent; around = around.parent) if (around.parent.container[around.key] !== around.container) return;
  if (execution.data === around.container) execution.errors.push(error);
}

/** A whole place failed that may be null. */
function reportAt(execution: Execution, { parent, key }: Place, error: GraphQLError): void {
  if (parent) {
    report(execution, parent, error);
    parent.container[key] = null;
  } else if (execution.data) {
    execution.errors.push(error);
    execution.data = null;
  }
}

// What follows runs for errors only. In graphql-js they rise through promises, one for each value, object and list that is waited for, each a
// turn of the queue, and of several that come at once, the turns decide which is told first and which is not told at all. Here there are no
// such promises: errors wait for as many turns.

/** An object fails at once, but if something in it is waited for: then it fails when all of that has come, or some of it has failed. */
function failOrDelay(execution: Execution, place: Place): typeof WAITING | typeof FAILED {
  if (place.waiting === 0) return FAILED;
  execution.delayed.set(place, execution.failure!);
  return WAITING;
}

/** What came through a promise has failed. */
function refuseLater(execution: Execution, shape: Shape, place: Place, key: string | number, error: GraphQLError): void {
  later(execution, 1, () => {
    if (shape.nonNull) return failIn(execution, place, error);
    report(execution, place, error);
    place.container[key] = null;
    doneIn(execution, place);
  });
}

/** Something in a place failed that may not be null. */
function failIn(execution: Execution, place: Place, itsError: GraphQLError): void {
  if (execution.failed.has(place)) return;
  execution.failed.add(place);
  const { parent } = place;
  const error = execution.delayed.get(place) ?? itsError;
  later(execution, turnsAbove(execution, place), () => {
    if (!place.nullable) return failIn(execution, parent!, error);
    reportAt(execution, place, error);
    if (parent) doneIn(execution, parent);
  });
}

/** Something in a place is waited for no more. It matters only if an error waits for it. */
function doneIn(execution: Execution, place: Place): void {
  if (execution.delayed.size === 0 || execution.failed.has(place)) return;
  place.waiting -= 1;
  if (place.waiting > 0) return;
  const error = execution.delayed.get(place);
  if (error) failIn(execution, place, error);
  else if (place.parent) later(execution, turnsAbove(execution, place), () => doneIn(execution, place.parent!));
}

/** How many promises lie between one for a value in a place and the one for the place itself. */
function turnsAbove({ delayed }: Execution, place: Place): number {
  return (place.type ? 2 : 1) + (delayed.has(place) ? 1 : 0) + (place.late ? 2 : 1);
}

/** Does `work` where a chain of so many promises would. */
function later(execution: Execution, turns: number, work: () => void): void {
  execution.pending += 1;
  const turn = (): void => {
    turns -= 1;
    if (turns === 0) settle(execution, work);
    else queueMicrotask(turn);
  };
  queueMicrotask(turn);
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
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function';
}
