import type { ResponsePath } from 'graphql';
import type { FieldPlan, ObjectPlan, Shape } from './plan.js';

/** What went wrong in place of a value. */
export class Failure {
  constructor(readonly error: unknown) {}
}

/** The objects of one type that an answer has under one field, for all parents. */
export class Level {
  /** As resolvers gave them, and as the answer has them. */
  readonly sources: unknown[] = [];
  readonly results: Record<string, unknown>[] = [];
  /** In which object of `parent` each stands. */
  readonly owners: number[] = [];

  /** Without `parent` and `field`: the root. */
  constructor(
    readonly plan: ObjectPlan,
    readonly parent?: Level,
    readonly field?: FieldPlan,
  ) {}

  /** The object of the answer for a source, still empty. */
  add(source: unknown, owner: number): Record<string, unknown> {
    const result = new this.plan.Result();
    this.sources.push(source);
    this.results.push(result);
    this.owners.push(owner);
    return result;
  }
}

/**
 * Values of one field for all objects of a level, or the items of such values, and where each of
 * them belongs in the answer.
 */
export class Values {
  readonly owners: number[] = [];
  readonly containers: Record<string | number, unknown>[] = [];
  readonly keys: (string | number)[] = [];
  readonly values: unknown[] = [];
  /** For those of them that are promises still. */
  waits: Promise<void>[] | undefined;

  constructor(
    readonly level: Level,
    readonly field: FieldPlan,
    readonly shape: Shape,
  ) {}

  add(owner: number, container: object, key: string | number, value: unknown): void {
    const index = this.values.push(value) - 1;
    this.owners.push(owner);
    this.containers.push(container as Record<string | number, unknown>);
    this.keys.push(key);
    if (isPromise(value)) (this.waits ??= []).push(settleInto(this.values, index, value));
  }

  put(index: number, value: unknown): void {
    this.containers[index]![this.keys[index]!] = value;
  }
}

/** Where something stands: in a field of one object, and there in these lists. */
export interface Place {
  readonly level: Level;
  readonly index: number;
  readonly field: FieldPlan;
  readonly indexes: readonly number[];
}

/** Where an object of a level stands; undefined for the root, and for what the answer has lost. */
export function placeOf(level: Level, index: number): Place | undefined {
  const { parent, field } = level;
  if (!parent) return undefined;
  const owner = level.owners[index]!;
  const value = parent.results[owner]![field!.responseName];
  const indexes = indexesOf(value, level.results[index]!, field!.shape);
  return indexes && { level: parent, index: owner, field: field!, indexes };
}

/** Where a value stands; undefined if the answer has lost the list around it. */
export function placeOfValue(values: Values, at: number): Place | undefined {
  const { level, field } = values;
  const index = values.owners[at]!;
  const [container, key] = [values.containers[at]!, values.keys[at]!];
  const result = level.results[index]!;
  if (container === result) return { level, index, field, indexes: [] };
  const indexes = indexesOf(result[field.responseName], container, field.shape);
  return indexes && { level, index, field, indexes: [...indexes, key as number] };
}

/** The way from a field's value to what stands in it. Looked for when asked, which is seldom. */
function indexesOf(value: unknown, wanted: object, shape: Shape): number[] | undefined {
  if (value === wanted) return [];
  if (shape.kind !== 'list' || !Array.isArray(value)) return undefined;
  for (const [index, item] of value.entries()) {
    const rest = indexesOf(item, wanted, shape.item);
    if (rest) return [index, ...rest];
  }
  return undefined;
}

export function toPath({ level, index, field, indexes }: Place): ResponsePath {
  const around = placeOf(level, index);
  let path: ResponsePath = {
    prev: around && toPath(around),
    key: field.responseName,
    typename: level.plan.type.name,
  };
  for (const key of indexes) path = { prev: path, key, typename: undefined };
  return path;
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

/** Puts what a promise brings in its place. */
export function settleInto(
  values: unknown[],
  index: number,
  promise: PromiseLike<unknown>,
): Promise<void> {
  return Promise.resolve(promise).then(
    value => void (values[index] = value),
    (error: unknown) => void (values[index] = new Failure(error)),
  );
}
