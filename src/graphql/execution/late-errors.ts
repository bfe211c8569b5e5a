import { later, report, reportAt, type Execution, type Failure, type Place } from './execution.js';

// Errors of what came through promises, or beside what does. In graphql-js they rise through
// promises, one for each value, object and list that is waited for, each a turn of the queue, and
// of several that come at once, the turns decide which is told first and which is not told at all.
// Here there are no such promises: errors wait for as many turns.

/** What came through so many promises has failed. */
export function refuseLater(
  execution: Execution,
  nonNull: boolean,
  place: Place,
  key: string | number,
  error: Failure,
  late: number,
): void {
  later(execution, late, () => {
    if (nonNull) return failIn(execution, place, error);
    report(execution, place, error);
    place.container[key] = null;
    doneIn(execution, place);
  });
}

/** Something in a place failed that may not be null. */
function failIn(execution: Execution, place: Place, itsError: Failure): void {
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

/** Something in a place is waited for no more. */
export function doneIn(execution: Execution, place: Place): void {
  if (!execution.countsDown || execution.failed.has(place)) return;
  place.waiting -= 1;
  if (place.waiting > 0) return;
  const error = execution.delayed.get(place);
  if (error) failIn(execution, place, error);
  else if (place.parent)
    later(execution, turnsAbove(execution, place), () => doneIn(execution, place.parent!));
  else execution.rootDone?.();
}

/** How many promises lie between one for a value in a place and the one for the place itself. */
function turnsAbove({ delayed, rootTurns }: Execution, place: Place): number {
  if (!place.parent && rootTurns !== undefined) return rootTurns;
  return (place.type ? 2 : 1) + (delayed.has(place) ? 1 : 0) + place.late + 1;
}
