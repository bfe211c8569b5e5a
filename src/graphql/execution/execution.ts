import {
  locatedError,
  type ExecutionResult,
  type FieldNode,
  type GraphQLError,
  type GraphQLObjectType,
} from 'graphql';
import { AppError } from '../../base/app-error.js';
import { asAppError, hiddenError, toGraphQLError } from '../format-error.js';
import { Pauses } from './pauses.js';
import type { FieldPlan, PlanSource } from './plan.js';

/**
 * What became of a value: it is in the answer, or is waited for, or it failed where null is not
 * allowed, or a pause came before it was there.
 */
export type Outcome = typeof DONE | typeof WAITING | typeof FAILED | typeof PAUSED;
export const DONE = 0;
export const WAITING = 1;
export const FAILED = 2;
export const PAUSED = 3;

/** Errors of an answer, at most. Each takes as long as some ten values, and more memory. */
const MAX_ERRORS = 1_000;

/** What is left to be done around a value when a pause is over, given what became of the value. */
type Rest = (inner: Outcome) => Outcome;

/** An object or a list of the answer, and where it lies. */
export class ResponsePosition {
  /**
   * How many values in it are waited for. Not counted down where nobody asks: see
   * `Execution.countsDown`.
   */
  waiting = 0;

  constructor(
    readonly container: Record<string | number, unknown>,
    readonly nullable: boolean,
    readonly parent: ResponsePosition | undefined,
    readonly key: string | number,
    /** Of an object. */
    readonly type: GraphQLObjectType | undefined,
    /** How many promises its value came through: its own, and that of its type. */
    readonly isAwaited: number,
  ) {}
}

/**
 * An error and where it was met. Most are never told, where one makes a null of what many others
 * are in: those are not located.
 */
export class Failure {
  constructor(
    private readonly error: unknown,
    private readonly field: FieldPlan,
    private readonly position: ResponsePosition,
    private readonly key: string | number,
  ) {}

  located(): GraphQLError {
    return locatedError(
      this.error,
      this.field.nodes as FieldNode[],
      pathAsArray(this.position, this.key),
    );
  }
}

/**
 * One run of an operation. Values are put into the answer as they come; it is finished when nothing
 * is waited for.
 */
export class Execution {
  readonly errors: GraphQLError[] = [];
  readonly args = new Map<FieldPlan, object>();
  data: object | null = null;
  pending = 1;
  /** The error of what FAILED last. */
  failure: Failure | undefined;
  /** Errors of objects in which something else is waited for first. */
  readonly delayedErrors = new Map<ResponsePosition, Failure>();
  /** What has failed, and takes no other failure. */
  readonly failedPositions = new Set<ResponsePosition>();
  finish: () => void = () => {};
  fail: (error: unknown) => void = () => {};
  readonly pauses: Pauses;
  /** Called when nothing at the root is waited for any more, if anybody wants to know. */
  rootDone: (() => void) | undefined;
  /** How many promises lie between a field of a mutation and the answer. */
  rootTurns: number | undefined;
  /** The answer is known: nothing more is to be done. */
  isOver = false;
  /** What a pause has cut, the innermost first. */
  rests: Rest[] = [];
  /** What came during a pause. */
  #held: (() => Outcome)[] = [];
  #next = 0;

  constructor(
    readonly source: PlanSource,
    readonly variableValues: Record<string, unknown>,
    readonly rootValue: unknown,
    readonly context: unknown,
  ) {
    this.pauses =
      (context as { pauses?: Pauses } | undefined)?.pauses ?? new Pauses(() => undefined);
  }

  /**
   * Whether it matters what is waited for no more: to an error that waits for it, or to the next
   * field of a mutation.
   */
  get countsDown(): boolean {
    return this.delayedErrors.size > 0 || this.rootDone !== undefined;
  }

  /** Whether a step is to be taken later: whoever asks puts it into `rests`, and is PAUSED. */
  isDue(): boolean {
    return this.pauses.isDue() || this.isOver;
  }

  /** Does `work` as soon as there is no pause. */
  settle(work: () => Outcome): void {
    if (this.isOver) return;
    if (this.pauses.isPaused) this.#held.push(work);
    else if (this.isDue()) this.#pause([work]);
    else this.#work(work);
  }

  #work(work: Rest): void {
    try {
      if (work(DONE) === PAUSED) return this.#pause();
      this.#done();
    } catch (error) {
      this.#fail(error);
    }
  }

  #pause(rests = this.rests): void {
    if (this.isOver) return;
    this.rests = [];
    this.pauses.over(() => this.#goOn(rests));
  }

  #goOn(rests: readonly Rest[]): void {
    if (this.isOver) return;
    this.pauses.goOn();
    try {
      let outcome: Outcome = DONE;
      for (const [index, rest] of rests.entries()) {
        outcome = rest(outcome);
        if (outcome === PAUSED) return this.#pause([...this.rests, ...rests.slice(index + 1)]);
      }
      if (rests.length > 0) this.#done();
    } catch (error) {
      return this.#fail(error);
    }
    while (this.#next < this.#held.length && !this.pauses.isPaused && !this.isOver) {
      if (this.isDue()) return this.#pause([]);
      this.#work(this.#held[this.#next++]!);
    }
    if (this.#next < this.#held.length) return;
    this.#held = [];
    this.#next = 0;
  }

  #done(): void {
    this.pending -= 1;
    if (this.pending === 0) this.finish();
  }

  #fail(error: unknown): void {
    this.isOver = true;
    this.fail(error);
  }

  /** Notes an error of the answer, which has none of them if there are too many. */
  add(failure: Failure): void {
    this.pauses.hurry();
    if (this.errors.length < MAX_ERRORS) {
      this.errors.push(failure.located());
      return;
    }
    this.isOver = true;
    this.finish();
  }

  result(): ExecutionResult {
    if (this.isOver) return { errors: [tooManyErrors(this.errors[0]!)] };
    const data = this.data as Record<string, unknown> | null;
    return this.errors.length === 0 ? { data } : { errors: this.errors, data };
  }
}

function pathAsArray(position: ResponsePosition, key: string | number): (string | number)[] {
  const keys = [key];
  for (let ancestor = position; ancestor.parent; ancestor = ancestor.parent)
    keys.push(ancestor.key);
  return keys.reverse();
}

/** What is answered in place of them: all of them are there for one reason, or a few. */
function tooManyErrors(first: GraphQLError): GraphQLError {
  const known = asAppError(first);
  if (!known || known.code === 'UNAVAILABLE')
    return toGraphQLError(known ?? hiddenError(first.originalError));
  const message =
    `More than ${MAX_ERRORS} fields of the operation failed, the first with: ` + known.message;
  return toGraphQLError(new AppError('QUERY_TOO_COMPLEX', message, { cause: known }));
}

/** Tells an error, unless the answer has null in place of something around it. */
export function report(execution: Execution, position: ResponsePosition, failure: Failure): void {
  let ancestor = position;
  for (; ancestor.parent; ancestor = ancestor.parent)
    if (ancestor.parent.container[ancestor.key] !== ancestor.container) return;
  if (execution.data === ancestor.container) execution.add(failure);
}

/** A whole place failed that may be null. */
export function reportAt(
  execution: Execution,
  { parent, key }: ResponsePosition,
  failure: Failure,
): void {
  if (parent) {
    report(execution, parent, failure);
    parent.container[key] = null;
  } else if (execution.data) {
    execution.add(failure);
    execution.data = null;
  }
}

/** Does `work` where a chain of so many promises would. */
export function afterMicrotasks(
  execution: Execution,
  microtasks: number,
  work: () => Outcome | void,
): void {
  execution.pending += 1;
  const done = (): Outcome => work() ?? DONE;
  const run = (): void => {
    microtasks -= 1;
    if (microtasks === 0) execution.settle(done);
    else queueMicrotask(run);
  };
  queueMicrotask(run);
}
