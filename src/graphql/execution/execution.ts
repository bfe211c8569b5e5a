import {
  locatedError,
  responsePathAsArray,
  type ExecutionResult,
  type FieldNode,
  type GraphQLError,
} from 'graphql';
import { AppError } from '../../base/app-error.js';
import { asAppError, hiddenError, toGraphQLError } from '../format-error.js';
import { placeOf, toPath, type Level, type Place } from './level.js';
import { Pauses } from './pauses.js';
import type { ListShape, PlanSource, Shape } from './plan.js';

/** Errors of an answer, at most. Each takes as long as some ten values, and more memory. */
const MAX_ERRORS = 1_000;

/**
 * One run of an operation. The answer is a tree that grows level by level; what fails is null in
 * it at once.
 */
export class Execution {
  /** The answer is known: nothing more is to be done. */
  isOver = false;
  data: object | null = null;
  readonly #errors: GraphQLError[] = [];
  readonly #pauses: Pauses;
  #hasTooMany = false;
  /** Objects and lists that the answer has lost: null stands in place of each. */
  readonly #lost = new Set<unknown>();

  constructor(
    readonly source: PlanSource,
    readonly variableValues: Record<string, unknown>,
    readonly rootValue: unknown,
    readonly context: unknown,
  ) {
    this.#pauses =
      (context as { pauses?: Pauses } | undefined)?.pauses ?? new Pauses(() => undefined);
  }

  /** Asked before each step. True: `pause` is to be waited for first, and this asked again. */
  isDue(): boolean {
    return this.#pauses.isDue() || this.isOver;
  }

  /** Waits until others have been served. Throws where nothing more is to be done. */
  async pause(): Promise<void> {
    if (this.isOver) throw new Error('The answer is known.');
    await this.#pauses.over();
  }

  /** After a step that took long. */
  hurry(): void {
    this.#pauses.hurry();
  }

  /** Whether the answer has lost an object of a level, or, if given, the list for its value. */
  isLost(level: Level, index: number, list?: unknown): boolean {
    if (this.#lost.size === 0) return false;
    if (this.#lost.has(list)) return true;
    let at = index;
    for (let of: Level | undefined = level; of; of = of.parent) {
      if (this.#lost.has(of.results[at])) return true;
      at = of.owners[at]!;
    }
    return false;
  }

  /**
   * What belongs there failed. Null stands in its place, or in that of the nearest around it that
   * may be null, and this is the one error of that null: at the root, of the answer.
   * https://spec.graphql.org/October2021/#sec-Handling-Field-Errors
   */
  fail(place: Place | undefined, error: unknown): void {
    this.hurry();
    if (!place || this.isOver || this.isLost(place.level, place.index)) return;
    if (this.#errors.length === MAX_ERRORS) {
      this.#hasTooMany = this.isOver = true;
      return;
    }
    const path = responsePathAsArray(toPath(place));
    this.#errors.push(locatedError(error, place.field.nodes as FieldNode[], path));
    this.#putNull(place);
  }

  #putNull(place: Place): void {
    for (let at: Place | undefined = place; at; at = placeOf(at.level, at.index)) {
      const keys = [at.field.responseName, ...at.indexes];
      const shapes: Shape[] = [at.field.shape];
      for (const _ of at.indexes) shapes.push((shapes.at(-1) as ListShape).item);
      const depth = shapes.findLastIndex(({ nonNull }) => !nonNull);
      const result = at.level.results[at.index]!;
      if (depth >= 0) {
        const container = keys
          .slice(0, depth)
          .reduce<Container>((inner, key) => inner[key] as Container, result);
        this.#lose(container[keys[depth]!]);
        container[keys[depth]!] = null;
        return;
      }
      this.#lost.add(result);
    }
    this.data = null;
    this.isOver = true;
  }

  #lose(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    this.#lost.add(value);
    if (Array.isArray(value)) for (const item of value) this.#lose(item);
  }

  result(): ExecutionResult {
    if (this.#hasTooMany) return { errors: [tooManyErrors(this.#errors[0]!)] };
    const data = this.data as Record<string, unknown> | null;
    return this.#errors.length === 0 ? { data } : { errors: this.#errors, data };
  }
}

type Container = Record<string | number, unknown>;

/** What is answered in place of them: all of them are there for one reason, or a few. */
function tooManyErrors(first: GraphQLError): GraphQLError {
  const known = asAppError(first);
  if (!known || known.code === 'UNAVAILABLE')
    return toGraphQLError(known ?? hiddenError(first.originalError));
  const message =
    `More than ${MAX_ERRORS} fields of the operation failed, the first with: ` + known.message;
  return toGraphQLError(new AppError('QUERY_TOO_COMPLEX', message, { cause: known }));
}
