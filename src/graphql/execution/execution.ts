import type { ExecutionResult, GraphQLError, GraphQLObjectType } from 'graphql';
import type { FieldPlan, PlanSource } from './plan.js';

/** An object or a list of the answer, and where it lies. */
export class Place {
  /**
   * How many values in it are waited for. Not counted down where no error waits: see
   * `Execution.delayed`.
   */
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

export function pathKeys(place: Place, key: string | number): (string | number)[] {
  const keys = [key];
  for (let around = place; around.parent; around = around.parent) keys.push(around.key);
  return keys.reverse();
}

/** Tells an error, unless the answer has null in place of something around it. */
export function report(execution: Execution, place: Place, error: GraphQLError): void {
  let around = place;
  for (; around.parent; around = around.parent)
    if (around.parent.container[around.key] !== around.container) return;
  if (execution.data === around.container) execution.errors.push(error);
}

/** A whole place failed that may be null. */
export function reportAt(execution: Execution, { parent, key }: Place, error: GraphQLError): void {
  if (parent) {
    report(execution, parent, error);
    parent.container[key] = null;
  } else if (execution.data) {
    execution.errors.push(error);
    execution.data = null;
  }
}

export function settle(execution: Execution, work: () => void): void {
  try {
    work();
    execution.pending -= 1;
    if (execution.pending === 0) execution.finish();
  } catch (error) {
    execution.fail(error);
  }
}

/** Does `work` where a chain of so many promises would. */
export function later(execution: Execution, turns: number, work: () => void): void {
  execution.pending += 1;
  const turn = (): void => {
    turns -= 1;
    if (turns === 0) settle(execution, work);
    else queueMicrotask(turn);
  };
  queueMicrotask(turn);
}
