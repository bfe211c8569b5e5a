// Longer than 300 lines: one recursion over levels, whose functions call each other.
import { getArgumentValues, GraphQLError, OperationTypeNode, type ExecutionResult } from 'graphql';
import { inspect } from 'graphql/jsutils/inspect.js';
import type { BatchResolver } from '../batch.js';
import { possibleType } from './abstract-type.js';
import { Execution } from './execution.js';
import { Failure, isPromise, Level, placeOfValue, settleInto, Values } from './level.js';
import type {
  AbstractShape,
  FieldPlan,
  LeafShape,
  ListShape,
  ObjectPlan,
  ObjectShape,
  PlanSource,
  Shape,
} from './plan.js';
import { ResolveInfo } from './resolve-info.js';

/**
 * Answers an operation as https://spec.graphql.org/October2021/#sec-Execution says, following a
 * plan, level by level: a field is executed once for all objects of a level, and each resolver is
 * called once, whatever fails. Where several errors make one and the same null, one is told.
 *
 * Before each value, `Execution.isDue` says whether others are to be served first.
 */
export async function executePlan(
  plan: ObjectPlan,
  source: PlanSource,
  variableValues: Record<string, unknown>,
  rootValue: unknown,
  context: unknown,
): Promise<ExecutionResult> {
  const execution = new Execution(source, variableValues, rootValue, context);
  const root = new Level(plan);
  execution.data = root.add(rootValue, 0);
  try {
    if (source.operation.operation === OperationTypeNode.MUTATION)
      // https://spec.graphql.org/October2021/#sec-Mutation
      for (const field of plan.fields) await executeField(execution, root, field);
    else await executeLevel(execution, root);
  } catch (error) {
    if (!execution.isOver) throw error;
  }
  return execution.result();
}

async function executeLevel(execution: Execution, level: Level): Promise<void> {
  const { sources, results, plan } = level;
  if (sources.length === 0) return;
  const others: FieldPlan[] = [];
  for (const field of plan.fields) {
    let read = field.isProperty ? 0 : NOT_PLAIN;
    while (read >= 0 && (read = readProperties(execution, level, field, read)) < sources.length)
      if (read >= 0) await execution.pause();
    if (read >= 0) continue;
    others.push(field);
    // Names stand in the order in which they were selected.
    for (const result of results) result[field.responseName] = undefined;
  }
  await Promise.all(others.map(field => executeField(execution, level, field)));
}

/** What `readProperties` gives of a field that must be executed like others. */
const NOT_PLAIN = -1;

/**
 * Puts a property of the objects of a level into the answer, from the object `first` on, until a
 * pause is due. Gives the object to go on with, or NOT_PLAIN where one has a function or a promise.
 */
function readProperties(
  execution: Execution,
  level: Level,
  field: FieldPlan,
  first: number,
): number {
  const { sources, results } = level;
  const { responseName, shape } = field;
  const { name } = field.definition;
  for (let index = first; index < sources.length; index += 1) {
    if (execution.isDue()) return index;
    try {
      const value = propertyOf(sources[index], name);
      if (typeof value === 'function' || isPromise(value)) return NOT_PLAIN;
      const isThere = isPresent(field, shape, value);
      results[index]![responseName] = isThere ? serialize(execution, shape, value) : null;
    } catch (error) {
      execution.fail({ level, index, field, indexes: [] }, error);
    }
  }
  return sources.length;
}

async function executeField(execution: Execution, level: Level, field: FieldPlan): Promise<void> {
  const values = new Values(level, field, field.shape);
  await resolve(execution, values);
  return complete(execution, values);
}

/** Adds the field's value, or its failure, of each object of the level. */
async function resolve(execution: Execution, values: Values): Promise<void> {
  const { level, field } = values;
  const { sources, results } = level;
  let batch: readonly unknown[] | undefined;
  let args: object;
  try {
    // They may be wrong, whether or not they are asked for.
    args =
      field.args ?? getArgumentValues(field.definition, field.nodes[0]!, execution.variableValues);
    batch = field.batch && (await resolveBatch(execution, level, field, field.batch, args));
  } catch (error) {
    batch = sources.map(() => new Failure(error));
  }
  for (const index of sources.keys()) {
    while (execution.isDue()) await execution.pause();
    if (execution.isLost(level, index)) continue;
    const value = batch ? batch[index] : resolveOne(execution, level, field, args!, index);
    values.add(index, results[index]!, field.responseName, value);
  }
}

async function resolveBatch(
  execution: Execution,
  level: Level,
  field: FieldPlan,
  batch: BatchResolver,
  args: object,
): Promise<readonly unknown[]> {
  const { sources } = level;
  const info = new ResolveInfo(execution, field, level, 0);
  const values = await batch(sources, args, execution.context, info);
  if (values.length === sources.length) return values;
  const at = `${field.parentType.name}.${field.definition.name}`;
  throw new Error(`${at} was asked for ${sources.length} values and gave ${values.length}.`);
}

/** As its resolver gives it, or as the object has it. */
function resolveOne(
  execution: Execution,
  level: Level,
  field: FieldPlan,
  args: object,
  index: number,
): unknown {
  const { context } = execution;
  const source = level.sources[index];
  const { resolve: resolver, name } = field.definition;
  const info = (): ResolveInfo => new ResolveInfo(execution, field, level, index);
  try {
    if (resolver) return resolver(source, args, context, info());
    const value = propertyOf(source, name);
    return typeof value === 'function' ? value.call(source, args, context, info()) : value;
  } catch (error) {
    return new Failure(error);
  }
}

function propertyOf(source: unknown, name: string): unknown {
  return (typeof source === 'object' && source !== null) || typeof source === 'function'
    ? (source as Record<string, unknown>)[name]
    : undefined;
}

/** Puts values into the answer, and the levels under them. */
async function complete(execution: Execution, values: Values): Promise<void> {
  const { shape, waits } = values;
  if (waits) await Promise.all(waits);
  switch (shape.kind) {
    case 'leaf':
      return completeEach(execution, values, value => serialize(execution, shape, value));
    case 'list':
      return completeLists(execution, values, shape);
    case 'object': {
      let level: Level | undefined;
      await completeEach(execution, values, (value, index) => {
        level ??= new Level(shape.plan(), values.level, values.field);
        return level.add(value, values.owners[index]!);
      });
      return level && executeLevel(execution, level);
    }
    case 'abstract':
      return completeAbstract(execution, values, shape);
  }
}

/** Puts what `completeOne` makes of each value in its place, null of null. */
async function completeEach(
  execution: Execution,
  values: Values,
  completeOne: (value: unknown, index: number) => unknown,
): Promise<void> {
  const { level, field, shape, owners, containers } = values;
  for (let index = 0; index < owners.length; index += 1) {
    while (execution.isDue()) await execution.pause();
    if (execution.isLost(level, owners[index]!, containers[index])) continue;
    const value = values.values[index];
    try {
      values.put(index, isPresent(field, shape, value) ? completeOne(value, index) : null);
    } catch (error) {
      execution.fail(placeOfValue(values, index), error);
    }
  }
}

/** Whether there is a value to complete. Throws if it failed, or must be there and is not. */
function isPresent(field: FieldPlan, { nonNull }: Shape, value: unknown): boolean {
  if (value === null || value === undefined) {
    if (!nonNull) return false;
    const at = `${field.parentType.name}.${field.definition.name}`;
    throw new Error(`Cannot return null for non-nullable field ${at}.`);
  }
  if (value instanceof Failure) throw value.error;
  if (value instanceof Error) throw value;
  return true;
}

function serialize(execution: Execution, shape: Shape, value: unknown): unknown {
  const { type } = shape as LeafShape;
  const serialized: unknown = type.serialize(value);
  if (serialized === null || serialized === undefined)
    throw new Error(
      `Expected \`${type.name}.serialize(${inspect(value)})\` to return ` +
        `non-nullable value, returned: ${inspect(serialized)}`,
    );
  // Vectors and JSON objects take as long as many other values.
  if (typeof serialized === 'object') execution.hurry();
  return serialized;
}

async function completeLists(
  execution: Execution,
  values: Values,
  { item }: ListShape,
): Promise<void> {
  const { level, field, owners } = values;
  const items = new Values(level, field, item);
  const objects = item.kind === 'object' ? levelOf(item, values) : undefined;
  await completeEach(execution, values, (value, index) => {
    const list: unknown[] = [];
    for (const [nth, one] of toArray(field, value).entries())
      if (objects && isPlainObject(one)) list.push(objects.add(one, owners[index]!));
      else {
        list.push(undefined);
        items.add(owners[index]!, list, nth, one);
      }
    return list;
  });
  await Promise.all([
    objects && executeLevel(execution, objects),
    items.owners.length > 0 && complete(execution, items),
  ]);
}

/** undefined where conditions have no value, which is an error of each object. */
function levelOf(shape: ObjectShape, { level, field }: Values): Level | undefined {
  try {
    return new Level(shape.plan(), level, field);
  } catch {
    return undefined;
  }
}

/** Neither missing nor failed nor still to come: most items of lists. */
function isPlainObject(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !(value instanceof Error) && !isPromise(value)
  );
}

function toArray(field: FieldPlan, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === 'object' && Symbol.iterator in value!)
    return Array.from(value as Iterable<unknown>);
  const at = `${field.parentType.name}.${field.definition.name}`;
  throw new GraphQLError(`Expected Iterable, but did not find one for field "${at}".`);
}

async function completeAbstract(
  execution: Execution,
  values: Values,
  shape: AbstractShape,
): Promise<void> {
  const { level, field, owners } = values;
  const { type } = shape;
  const found = new Values(level, field, shape);
  const names: unknown[] = [];
  const waits: Promise<void>[] = [];
  await completeEach(execution, values, (value, index) => {
    const info = new ResolveInfo(execution, field, level, owners[index]!);
    const name: unknown = type.resolveType!(value, execution.context, info, type);
    const nth = names.push(name) - 1;
    if (isPromise(name)) waits.push(settleInto(names, nth, name));
    found.add(owners[index]!, values.containers[index]!, values.keys[index]!, value);
  });
  await Promise.all(waits);
  const levels = new Map<ObjectPlan, Level>();
  await completeEach(execution, found, (value, index) => {
    const name = names[index];
    if (name instanceof Failure) throw name.error;
    const plan = shape.planOf(possibleType(execution.source.schema, field, shape, name, value));
    let objects = levels.get(plan);
    if (!objects) levels.set(plan, (objects = new Level(plan, level, field)));
    return objects.add(value, found.owners[index]!);
  });
  await Promise.all([...levels.values()].map(objects => executeLevel(execution, objects)));
}
