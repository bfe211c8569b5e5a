/** Name of the constraint that keeps a table's times to what RFC 3339 can write. */
export const calendarConstraint = (table: string): string => `${table}_times_rfc3339`;

/**
 * The condition that these columns hold nothing, or an instant that RFC 3339 can write: of the
 * years 1 to 9999, and not infinity.
 */
export function inCalendar(columns: readonly string[]): string {
  return columns.map(column => `weaver_is_rfc3339(${column})`).join(' and ');
}

/**
 * Entity option of every table with times: no program may store one that `DateTime` cannot show.
 */
export function calendarTimes(
  table: string,
  ...columns: string[]
): { name: string; expression: string } {
  return { name: calendarConstraint(table), expression: inCalendar(columns) };
}
