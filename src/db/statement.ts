/**
 * A piece of SQL with `$1` parameters, and the name by which logs, counts and PostgreSQL's prepared
 * statements know it.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /**
   * It stands in the program: prepared at its first use, since there are few of them and they come
   * again.
   */
  readonly isFixed: boolean;
}

export type Row = Record<string, unknown>;

/** The statement for a text that an operation makes. */
export function statement(name: string, text: string): Statement {
  return { name, text: `/* ${name} */ ${text}`, isFixed: false };
}

/** The statement for a text that stands in the program. */
export function fixedStatement(name: string, text: string): Statement {
  return { ...statement(name, text), isFixed: true };
}
