import {
  getArgumentValues,
  GraphQLError,
  locatedError,
  type ExecutionResult,
  type FieldNode,
} from 'graphql';
import { inspect } from 'graphql/jsutils/inspect.js';
import { Expected } from '../expected.js';
import { Execution, later, pathKeys, Place, report, reportAt, settle } from './execution.js';
import { doneIn, refuseLater } from './late-errors.js';
import type { FieldPlan, ObjectPlan, PlanSource, Shape } from './plan.js';
import { ResolveInfo } from './resolve-info.js';

/**
 * What became of a value: it is in the answer, or is waited for, or it failed where null is not
 * allowed.
 */
type Outcome = typeof DONE | typeof WAITING | typeof FAILED;
const DONE = 0;
const WAITING = 1;
const FAILED = 2;

/**
 * Answers an operation as graphql-js does (https://spec.graphql.org/October2021/#sec-Execution),
 * following a plan. The same errors are told in the same order, also where several of them make one
 * and the same null: see `late-errors.ts`.
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
  if (executeFields(execution, plan, root, rootValue) === FAILED)
    reportAt(execution, root, execution.failure!);
  execution.pending -= 1;
  if (execution.pending === 0) return execution.result();
  return new Promise((resolve, reject) => {
    execution.finish = () => resolve(execution.result());
    execution.fail = reject;
  });
}

function executeFields(
  execution: Execution,
  plan: ObjectPlan,
  place: Place,
  source: unknown,
): Outcome {
  const { fields } = plan;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index]!;
    let outcome: Outcome;
    try {
      outcome = completeOrWait(
        execution,
        field,
        field.shape,
        place,
        field.responseName,
        ask(execution, field, place, source),
      );
    } catch (error) {
      outcome = refuse(execution, field, field.shape, place, field.responseName, error);
    }
    if (outcome === WAITING) place.waiting += 1;
    else if (outcome === FAILED) {
      if (place.waiting === 0) return FAILED;
      // It fails when all that is waited for has come, or some of it has failed.
      execution.delayed.set(place, execution.failure!);
      return WAITING;
    }
  }
  return place.waiting > 0 ? WAITING : DONE;
}

/** The field's value as its resolver gives it, or as the object has it. */
function ask(execution: Execution, field: FieldPlan, place: Place, source: unknown): unknown {
  const { definition } = field;
  if (definition.resolve)
    return definition.resolve(
      source,
      argsOf(execution, field),
      execution.context,
      new ResolveInfo(execution, field, place),
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
    new ResolveInfo(execution, field, place),
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

function completeOrWait(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  place: Place,
  key: string | number,
  value: unknown,
): Outcome {
  if (isPromise(value)) return wait(execution, field, shape, place, key, value);
  const outcome = complete(execution, field, shape, place, key, value, false);
  return outcome === FAILED ? nullOrFailed(execution, shape, place, key) : outcome;
}

function wait(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  place: Place,
  key: string | number,
  value: PromiseLike<unknown>,
): Outcome {
  place.container[key] = undefined; // Names stand in the order in which they were selected.
  execution.pending += 1;
  const onValue = (settled: unknown): void =>
    settle(execution, () => completeLate(execution, field, shape, place, key, settled));
  const onError = (error: unknown): void =>
    settle(execution, () =>
      refuseLater(execution, shape.nonNull, place, key, located(error, field, place, key)),
    );
  try {
    if (value instanceof Expected) value.listen(onValue, onError);
    else value.then(onValue, onError);
    return WAITING;
  } catch (error) {
    execution.pending -= 1;
    return refuse(execution, field, shape, place, key, error);
  }
}

function completeLate(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  place: Place,
  key: string | number,
  value: unknown,
): void {
  const outcome = complete(execution, field, shape, place, key, value, true);
  if (outcome === FAILED) refuseLater(execution, shape.nonNull, place, key, execution.failure!);
  else if (outcome === DONE && execution.delayed.size > 0)
    later(execution, 1, () => doneIn(execution, place));
}

/**
 * Puts a field's value, or a list's item, into the answer. Where it FAILED, whoever asked has to
 * put null there, or to fail.
 */
function complete(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  place: Place,
  key: string | number,
  value: unknown,
  late: boolean,
): Outcome {
  if (value === null || value === undefined) {
    if (shape.nonNull)
      return failed(
        execution,
        new Error(
          'Cannot return null for non-nullable field ' +
            `${field.parentType.name}.${field.definition.name}.`,
        ),
        field,
        place,
        key,
      );
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
      return executeFields(
        execution,
        plan,
        new Place(object, !shape.nonNull, place, key, plan.type, late),
        value,
      );
    }
  }
}

function completeLeaf(
  execution: Execution,
  field: FieldPlan,
  shape: Extract<Shape, { kind: 'leaf' }>,
  place: Place,
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
    place.container[key] = serialized;
    return DONE;
  } catch (error) {
    return failed(execution, error, field, place, key);
  }
}

function completeList(
  execution: Execution,
  field: FieldPlan,
  shape: Extract<Shape, { kind: 'list' }>,
  place: Place,
  key: string | number,
  value: unknown,
  late: boolean,
): Outcome {
  if (
    typeof value !== 'object' ||
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function'
  ) {
    const error = new GraphQLError(
      'Expected Iterable, but did not find one for field ' +
        `"${field.parentType.name}.${field.definition.name}".`,
    );
    return failed(execution, error, field, place, key);
  }
  const results: unknown[] = [];
  place.container[key] = results;
  const list = new Place(
    results as unknown as Place['container'],
    !shape.nonNull,
    place,
    key,
    undefined,
    late,
  );
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

function located(
  error: unknown,
  field: FieldPlan,
  place: Place,
  key: string | number,
): GraphQLError {
  return locatedError(error, field.nodes as FieldNode[], pathKeys(place, key));
}

function failed(
  execution: Execution,
  error: unknown,
  field: FieldPlan,
  place: Place,
  key: string | number,
): typeof FAILED {
  execution.failure = located(error, field, place, key);
  return FAILED;
}

function refuse(
  execution: Execution,
  field: FieldPlan,
  shape: Shape,
  place: Place,
  key: string | number,
  error: unknown,
): Outcome {
  failed(execution, error, field, place, key);
  return nullOrFailed(execution, shape, place, key);
}

/** After a failure: null in its place, if that may be. */
function nullOrFailed(
  execution: Execution,
  shape: Shape,
  place: Place,
  key: string | number,
): typeof DONE | typeof FAILED {
  if (shape.nonNull) return FAILED;
  report(execution, place, execution.failure!);
  place.container[key] = null;
  return DONE;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
