/** Collects the parameters of one statement while its text is written. */
export class SqlParameters<T = unknown> {
  readonly values: T[] = [];

  /**
   * Adds a value and gives its place in the text, `$3::uuid`. The type is the program's own, never
   * the caller's.
   */
  add(value: T, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/**
 * A parameter whose value the planner cannot see. Of a prepared statement PostgreSQL compares the
 * plan for these very values with one for any, and where the values look better it plans anew each
 * time, which takes longer than many a statement.
 */
export function forGenericPlan(parameter: string): string {
  return `(select ${parameter})`;
}
