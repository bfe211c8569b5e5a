/** Collects the parameters of one statement while its text is written. */
export class SqlParameters<T = unknown> {
  readonly values: T[] = [];

  /**
   * Adds a value and returns its placeholder, such as `$3::uuid`. The type must come from the
   * program, never from the caller.
   */
  add(value: T, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/**
 * A parameter whose value the planner cannot see. For a prepared statement PostgreSQL compares the
 * plan for these values with the generic one, and if the former looks better it plans again at each
 * execution, which takes longer than many statements.
 */
export function forGenericPlan(parameter: string): string {
  return `(select ${parameter})`;
}
