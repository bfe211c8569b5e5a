// oxlint-disable max-lines -- one recursion, whose functions call each other
import {
  getArgumentValues,
  GraphQLError,
  isObjectType,
  OperationTypeNode,
  type ExecutionResult,
  type FieldNode,
  type GraphQLAbstractType,
  type GraphQLObjectType,
} from 'graphql';
import { inspect } from 'graphql/jsutils/inspect.js';
import { Deferred } from '../deferred.js';
import {
  DONE,
  Execution,
  FAILED,
  Failure,
  afterMicrotasks,
  PAUSED,
  ResponsePosition,
  report,
  reportAt,
  WAITING,
  type Outcome,
} from './execution.js';
import { completePosition, handleFieldErrorLater } from './late-errors.js';
import type { FieldPlan, ObjectPlan, PlanSource, Shape } from './plan.js';
import { ResolveInfo } from './resolve-info.js';

/**
 * Answers an operation as graphql-js does (https://spec.graphql.org/October2021/#sec-Execution),
 * following a plan. The same errors are told in the same order, also where several of them make one
 * and the same null: see `late-errors.ts`.
 *
 * Before each field and each item, `Execution.isDue` says whether others are to be served first.
 * Then everything returns PAUSED, leaving in `rests` what is still to be done, from the inside out,
 * and is called again from there.
 */
export function executePlan(
  plan: ObjectPlan,
  source: PlanSource,
  variableValues: Record<string, unknown>,
  rootValue: unknown,
  context: unknown,
): ExecutionResult | Promise<ExecutionResult> {
  const execution = new Execution(source, variableValues, rootValue, context);
  const root = new ResponsePosition(new plan.Result(), true, undefined, '', plan.type, 0);
  execution.data = root.container;
  const { promise, resolve, reject } = Promise.withResolvers<ExecutionResult>();
  execution.finish = () => resolve(execution.result());
  execution.fail = reject;
  const serially = source.operation.operation === OperationTypeNode.MUTATION;
  execution.settle(() =>
    serially
      ? executeSerially(execution, plan, root, rootValue, 0, false)
      : finishRoot(execution, root, executeFields(execution, plan, root, rootValue, 0)),
  );
  return execution.pending === 0 ? execution.result() : promise;
}

function finishRoot(execution: Execution, root: ResponsePosition, outcome: Outcome): Outcome {
  if (outcome === PAUSED) execution.rests.push(inner => finishRoot(execution, root, inner));
  else if (outcome === FAILED) reportAt(execution, root, execution.failure!);
  return outcome;
}

/**
 * One field after the other: https://spec.graphql.org/October2021/#sec-Mutation. `isAwaited`: a
 * field before it was waited for, so that in graphql-js it is called in a chain of promises, and
 * what was given up before goes on for as many turns.
 */
function executeSerially(
  execution: Execution,
  plan: ObjectPlan,
  root: ResponsePosition,
  source: unknown,
  index: number,
  isAwaited: boolean,
): Outcome {
  if (index === plan.fields.length) return DONE;
  const next = (isLate: boolean): Outcome =>
    executeSerially(execution, plan, root, source, index + 1, isLate);
  execution.rootDone = () => afterMicrotasks(execution, isAwaited ? 3 : 2, () => next(true));
  const left = plan.fields.length - index;
  execution.rootTurns = left + (isAwaited ? 2 : 1);
  const goOn = (outcome: Outcome): Outcome => {
    if (outcome === PAUSED) execution.rests.push(goOn);
    else if (outcome === FAILED) {
      const error = execution.failure!;
      if (isAwaited) afterMicrotasks(execution, left, () => reportAt(execution, root, error));
      else reportAt(execution, root, error);
      execution.rootDone = undefined;
    } else if (outcome === DONE) {
      if (!isAwaited) return next(false);
      afterMicrotasks(execution, 1, () => next(true));
    }
    return outcome;
  };
  const field = { ...plan, fields: [plan.fields[index]!] };
  return goOn(executeFields(execution, field, root, source, 0));
}

function executeFields(
  execution: Execution,
  plan: ObjectPlan,
  position: ResponsePosition,
  source: unknown,
  first: number,
): Outcome {
  const { fields } = plan;
  for (let index = first; index < fields.length; index += 1) {
    if (execution.isDue()) return fieldsLater(execution, plan, position, source, index);
    const field = fields[index]!;
    let outcome: Outcome;
    try {
      outcome = completeOrAwait(
        execution,
        field,
        field.shape,
        position,
        field.responseName,
        resolveValue(execution, field, position, source),
      );
    } catch (error) {
      outcome = handleFieldError(
        execution,
        field,
        field.shape,
        position,
        field.responseName,
        error,
      );
    }
    if (outcome === PAUSED) return restOfFields(execution, plan, position, source, index);
    if (outcome === WAITING) position.waiting += 1;
    else if (outcome === FAILED) return fieldFailed(execution, position);
  }
  return position.waiting > 0 ? WAITING : DONE;
}

function fieldFailed(execution: Execution, position: ResponsePosition): Outcome {
  if (position.waiting === 0) return FAILED;
  // It fails when all that is waited for has come, or some of it has failed.
  execution.delayedErrors.set(position, execution.failure!);
  return WAITING;
}

function fieldsLater(
  execution: Execution,
  plan: ObjectPlan,
  position: ResponsePosition,
  source: unknown,
  first: number,
): Outcome {
  execution.rests.push(() => executeFields(execution, plan, position, source, first));
  return PAUSED;
}

/** A pause came in the field at `index`. */
function restOfFields(
  execution: Execution,
  plan: ObjectPlan,
  position: ResponsePosition,
  source: unknown,
  index: number,
): Outcome {
  const { shape, responseName } = plan.fields[index]!;
  execution.rests.push(inner => {
    const outcome =
      inner === FAILED ? nullOrFailed(execution, shape, position, responseName) : inner;
    if (outcome === FAILED) return fieldFailed(execution, position);
    if (outcome === WAITING) position.waiting += 1;
    return executeFields(execution, plan, position, source, index + 1);
  });
  return PAUSED;
}

/** The field's value as its resolver gives it, or as the object has it. */
function resolveValue(
  execution: Execution,
  field: FieldPlan,
  position: ResponsePosition,
  source: unknown,
): unknown {
  const { definition } = field;
  if (definition.resolve)
    return definition.resolve(
      source,
      argsOf(execution, field),
      execution.context,
      new ResolveInfo(execution, field, position),
    );
  // They may be wrong, whether or not they are asked for.
  if (!field.args) argsOf(execution, field);
  if ((typeof source !== 'object' || source === null) && typeof source !== 'function')
    return undefined;
  const property = (source as Record<string, unknown>)[definition.name];
  if (typeof property !== 'function') return property;
  return property.call(
    source,
    argsOf(execution, field),
    execution.context,
    new ResolveInfo(execution, field, position),
  );
}

/** The same for all parents of a level. */
function argsOf(execution: Execution, field: FieldPlan): object {
  if (field.args) return field.args;
  let args = execution.args.get(field);
  if (!args)
    execution.args.set(
      field,
      (args = getArgumentValues(field.definition, field.nodes[0]!, execution.variableValues)),
    );
  return args;
}

function completeOrAwait(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
): Outcome {
  if (isPromise(value)) return awaitValue(execution, field, shape, position, key, value);
  const outcome = complete(execution, field, shape, position, key, value, 0);
  return outcome === FAILED ? nullOrFailed(execution, shape, position, key) : outcome;
}

function awaitValue(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
  value: PromiseLike<unknown>,
): Outcome {
  position.container[key] = undefined; // Names stand in the order in which they were selected.
  execution.pending += 1;
  const onValue = (settled: unknown): void =>
    execution.settle(() => completeAwaited(execution, field, shape, position, key, settled));
  const onError = (error: unknown): void =>
    execution.settle(() => {
      handleFieldErrorLater(
        execution,
        shape.nonNull,
        position,
        key,
        new Failure(error, field, position, key),
        1,
      );
      return DONE;
    });
  try {
    if (value instanceof Deferred) value.listen(onValue, onError);
    else value.then(onValue, onError);
    return WAITING;
  } catch (error) {
    execution.pending -= 1;
    return handleFieldError(execution, field, shape, position, key, error);
  }
}

function completeAwaited(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
): Outcome {
  return finishLate(
    execution,
    shape,
    position,
    key,
    1,
    complete(execution, field, shape, position, key, value, 1),
  );
}

function finishLate(
  execution: Execution,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
  isAwaited: number,
  outcome: Outcome,
): Outcome {
  if (outcome === PAUSED)
    execution.rests.push(inner => finishLate(execution, shape, position, key, isAwaited, inner));
  else if (outcome === FAILED)
    handleFieldErrorLater(execution, shape.nonNull, position, key, execution.failure!, isAwaited);
  else if (outcome === DONE && execution.countsDown)
    afterMicrotasks(execution, isAwaited, () => completePosition(execution, position));
  return outcome;
}

/**
 * Puts a field's value, or a list's item, into the answer. Where it FAILED, whoever asked has to
 * put null there, or to fail.
 */
function complete(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
  isAwaited: number,
): Outcome {
  if (value === null || value === undefined) {
    if (shape.nonNull)
      return recordFailure(
        execution,
        new Error(
          'Cannot return null for non-nullable field ' +
            `${field.parentType.name}.${field.definition.name}.`,
        ),
        field,
        position,
        key,
      );
    position.container[key] = null;
    return DONE;
  }
  if (value instanceof Error) return recordFailure(execution, value, field, position, key);
  switch (shape.kind) {
    case 'leaf':
      return completeLeaf(execution, field, shape, position, key, value);
    case 'list':
      return completeList(execution, field, shape, position, key, value, isAwaited);
    case 'object': {
      let plan: ObjectPlan;
      try {
        plan = shape.plan();
      } catch (error) {
        return recordFailure(execution, error, field, position, key);
      }
      return completeObject(execution, plan, shape, position, key, value, isAwaited);
    }
    case 'abstract':
      return completeAbstract(execution, field, shape, position, key, value, isAwaited);
  }
}

function completeObject(
  execution: Execution,
  plan: ObjectPlan,
  { nonNull }: Shape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
  isAwaited: number,
): Outcome {
  const object = new plan.Result();
  position.container[key] = object;
  return executeFields(
    execution,
    plan,
    new ResponsePosition(object, !nonNull, position, key, plan.type, isAwaited),
    value,
    0,
  );
}

function completeAbstract(
  execution: Execution,
  field: FieldPlan,
  shape: AbstractShape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
  isAwaited: number,
): Outcome {
  let around = position;
  while (!around.type) around = around.parent!;
  try {
    const { type } = shape;
    const name: unknown = type.resolveType!(
      value,
      execution.context,
      new ResolveInfo(execution, field, around),
      type,
    );
    if (isPromise(name))
      return waitForType(execution, field, shape, position, key, value, isAwaited + 1, name);
    return completeObject(
      execution,
      shape.planOf(possibleType(execution, field, type, name, value)),
      shape,
      position,
      key,
      value,
      isAwaited,
    );
  } catch (error) {
    return recordFailure(execution, error, field, position, key);
  }
}

function waitForType(
  execution: Execution,
  field: FieldPlan,
  shape: AbstractShape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
  isAwaited: number,
  name: PromiseLike<unknown>,
): Outcome {
  position.container[key] = undefined;
  const onName = (settled: unknown): Outcome => {
    let outcome: Outcome;
    try {
      outcome = completeObject(
        execution,
        shape.planOf(possibleType(execution, field, shape.type, settled, value)),
        shape,
        position,
        key,
        value,
        isAwaited,
      );
    } catch (error) {
      outcome = recordFailure(execution, error, field, position, key);
    }
    return finishLate(execution, shape, position, key, isAwaited, outcome);
  };
  const onError = (error: unknown): Outcome =>
    finishLate(
      execution,
      shape,
      position,
      key,
      isAwaited,
      recordFailure(execution, error, field, position, key),
    );
  execution.pending += 1;
  name.then(
    settled => execution.settle(() => onName(settled)),
    error => execution.settle(() => onError(error)),
  );
  return WAITING;
}

/** The type that `resolveType` named. Throws what graphql-js does where it is none. */
function possibleType(
  { source: { schema } }: Execution,
  field: FieldPlan,
  abstract: GraphQLAbstractType,
  name: unknown,
  value: unknown,
): GraphQLObjectType {
  const at = `${field.parentType.name}.${field.definition.name}`;
  const nodes = field.nodes as FieldNode[];
  if (name === null || name === undefined) {
    const how =
      `Either the "${abstract.name}" type should provide a "resolveType" function or each ` +
      'possible type should provide an "isTypeOf" function.';
    throw new GraphQLError(
      `Abstract type "${abstract.name}" must resolve to an Object type at runtime for ` +
        `field "${at}". ${how}`,
      { nodes },
    );
  }
  if (typeof name !== 'string') {
    throw new GraphQLError(
      `Abstract type "${abstract.name}" must resolve to an Object type at runtime for ` +
        `field "${at}" with value ${inspect(value)}, received "${inspect(name)}".`,
    );
  }
  const type = schema.getType(name);
  if (!type)
    throw new GraphQLError(
      `Abstract type "${abstract.name}" was resolved to a type "${name}" that does not ` +
        'exist inside the schema.',
      { nodes },
    );
  if (!isObjectType(type))
    throw new GraphQLError(
      `Abstract type "${abstract.name}" was resolved to a non-object type "${name}".`,
      { nodes },
    );
  if (!schema.isSubType(abstract, type))
    throw new GraphQLError(
      `Runtime Object type "${type.name}" is not a possible type for "${abstract.name}".`,
      { nodes },
    );
  return type;
}

function completeLeaf(
  execution: Execution,
  field: FieldPlan,
  shape: Extract<Shape, { kind: 'leaf' }>,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
): Outcome {
  try {
    const serialized = shape.type.serialize(value);
    if (serialized === null || serialized === undefined) {
      throw new Error(
        `Expected \`${shape.type.name}.serialize(${inspect(value)})\` to return ` +
          `non-nullable value, returned: ${inspect(serialized)}`,
      );
    }
    // Vectors and JSON objects take as long as many other values.
    if (typeof serialized === 'object') execution.pauses.hurry();
    position.container[key] = serialized;
    return DONE;
  } catch (error) {
    return recordFailure(execution, error, field, position, key);
  }
}

type AbstractShape = Extract<Shape, { kind: 'abstract' }>;
type ListShape = Extract<Shape, { kind: 'list' }>;

function completeList(
  execution: Execution,
  field: FieldPlan,
  shape: ListShape,
  position: ResponsePosition,
  key: string | number,
  value: unknown,
  isAwaited: number,
): Outcome {
  if (
    typeof value !== 'object' ||
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function'
  ) {
    const error = new GraphQLError(
      'Expected Iterable, but did not find one for field ' +
        `"${field.parentType.name}.${field.definition.name}".`,
    );
    return recordFailure(execution, error, field, position, key);
  }
  const results: unknown[] = [];
  position.container[key] = results;
  const list = new ResponsePosition(
    results as unknown as ResponsePosition['container'],
    !shape.nonNull,
    position,
    key,
    undefined,
    isAwaited,
  );
  let items: Iterator<unknown>;
  try {
    items = (value as Iterable<unknown>)[Symbol.iterator]();
  } catch (error) {
    execution.failedPositions.add(list);
    return recordFailure(execution, error, field, position, key);
  }
  return completeItems(execution, field, shape, list, items, 0);
}

function completeItems(
  execution: Execution,
  field: FieldPlan,
  shape: ListShape,
  list: ResponsePosition,
  items: Iterator<unknown>,
  first: number,
): Outcome {
  let index = first;
  try {
    for (;;) {
      if (execution.isDue()) return itemsLater(execution, field, shape, list, items, index);
      const next = items.next();
      if (next.done) return list.waiting > 0 ? WAITING : DONE;
      const outcome = completeOrAwait(execution, field, shape.item, list, index, next.value);
      if (outcome === PAUSED) return restOfItems(execution, field, shape, list, items, index);
      if (outcome === WAITING) list.waiting += 1;
      else if (outcome === FAILED) return itemFailed(execution, list, items);
      index += 1;
    }
  } catch (error) {
    execution.failedPositions.add(list);
    return recordFailure(execution, error, field, list.parent!, list.key);
  }
}

function itemFailed(
  execution: Execution,
  list: ResponsePosition,
  items: Iterator<unknown>,
): Outcome {
  execution.failedPositions.add(list); // Items that are waited for are left alone.
  items.return?.();
  return FAILED;
}

function itemsLater(
  execution: Execution,
  field: FieldPlan,
  shape: ListShape,
  list: ResponsePosition,
  items: Iterator<unknown>,
  first: number,
): Outcome {
  execution.rests.push(() => completeItems(execution, field, shape, list, items, first));
  return PAUSED;
}

/** A pause came in the item at `index`. */
function restOfItems(
  execution: Execution,
  field: FieldPlan,
  shape: ListShape,
  list: ResponsePosition,
  items: Iterator<unknown>,
  index: number,
): Outcome {
  execution.rests.push(inner => {
    const outcome = inner === FAILED ? nullOrFailed(execution, shape.item, list, index) : inner;
    if (outcome === FAILED) return itemFailed(execution, list, items);
    if (outcome === WAITING) list.waiting += 1;
    return completeItems(execution, field, shape, list, items, index + 1);
  });
  return PAUSED;
}

function recordFailure(
  execution: Execution,
  error: unknown,
  field: FieldPlan,
  position: ResponsePosition,
  key: string | number,
): typeof FAILED {
  execution.failure = new Failure(error, field, position, key);
  return FAILED;
}

function handleFieldError(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
  error: unknown,
): Outcome {
  recordFailure(execution, error, field, position, key);
  return nullOrFailed(execution, shape, position, key);
}

/** After a failure: null in its place, if that may be. */
function nullOrFailed(
  execution: Execution,
  shape: Shape,
  position: ResponsePosition,
  key: string | number,
): typeof DONE | typeof FAILED {
  if (shape.nonNull) return FAILED;
  report(execution, position, execution.failure!);
  position.container[key] = null;
  return DONE;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
