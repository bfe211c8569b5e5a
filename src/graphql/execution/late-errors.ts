import {
  afterMicrotasks,
  report,
  reportAt,
  type Execution,
  type Failure,
  type ResponsePosition,
} from './execution.js';

// Errors of what came through promises, or beside what does. In graphql-js they rise through
// promises, one for each value, object and list that is waited for, each a turn of the queue, and
// of several that come at once, the turns decide which is told first and which is not told at all.
// Here there are no such promises: errors wait for as many turns.

/** What came through so many promises has failed. */
export function handleFieldErrorLater(
  execution: Execution,
  nonNull: boolean,
  position: ResponsePosition,
  key: string | number,
  error: Failure,
  late: number,
): void {
  afterMicrotasks(execution, late, () => {
    if (nonNull) return failPosition(execution, position, error);
    report(execution, position, error);
    position.container[key] = null;
    completePosition(execution, position);
  });
}

/** Something in a place failed that may not be null. */
function failPosition(execution: Execution, position: ResponsePosition, itsError: Failure): void {
  if (execution.failedPositions.has(position)) return;
  execution.failedPositions.add(position);
  const { parent } = position;
  const error = execution.delayedErrors.get(position) ?? itsError;
  afterMicrotasks(execution, microtasksAbove(execution, position), () => {
    if (!position.nullable) return failPosition(execution, parent!, error);
    reportAt(execution, position, error);
    if (parent) completePosition(execution, parent);
  });
}

/** Something in a place is waited for no more. */
export function completePosition(execution: Execution, position: ResponsePosition): void {
  if (!execution.countsDown || execution.failedPositions.has(position)) return;
  position.waiting -= 1;
  if (position.waiting > 0) return;
  const error = execution.delayedErrors.get(position);
  if (error) failPosition(execution, position, error);
  else if (position.parent)
    afterMicrotasks(execution, microtasksAbove(execution, position), () =>
      completePosition(execution, position.parent!),
    );
  else execution.rootDone?.();
}

/** How many promises lie between one for a value in a place and the one for the place itself. */
function microtasksAbove(
  { delayedErrors, rootTurns }: Execution,
  position: ResponsePosition,
): number {
  if (!position.parent && rootTurns !== undefined) return rootTurns;
  return (position.type ? 2 : 1) + (delayedErrors.has(position) ? 1 : 0) + position.isAwaited + 1;
}
