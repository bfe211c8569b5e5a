import { createHash } from 'node:crypto';

/** A piece of SQL with `$1` parameters, and the name by which logs, counts and PostgreSQL's prepared statements know it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Unique for the text, at most 63 bytes; undefined where the text is not worth preparing. */
  readonly preparedName: string | undefined;
}

export type Row = Record<string, unknown>;

/**
 * Texts that get a prepared statement: each lives on every connection for as long as that does. Filters and selections make ever new
 * texts, so that a flood of different operations must not fill the server's memory: what comes after these is sent unprepared.
 */
const MAX_PREPARED = 500;
const known = new Map<string, Statement>();

/** The statement for a text. The same text gives the same statement. */
export function statement(name: string, text: string): Statement {
  const existing = known.get(text);
  if (existing) return existing;
  const labelled = `/* ${name} */ ${text}`;
  if (known.size >= MAX_PREPARED) return { name, text: labelled, preparedName: undefined };
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const made = { name, text: labelled, preparedName: `${name.slice(0, 40)}_${digest}` };
  known.set(text, made);
  return made;
}
