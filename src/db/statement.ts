import { createHash } from 'node:crypto';

/**
 * A piece of SQL with `$1` parameters, and the name by which logs, counts and PostgreSQL's prepared
 * statements know it.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Unique for the text, at most 63 bytes; undefined where the text is not worth preparing. */
  readonly preparedName: string | undefined;
}

export type Row = Record<string, unknown>;

/**
 * A prepared statement lives on every connection for as long as that does, and filters and
 * selections make ever new texts. So only what comes again is prepared, and only while it is short:
 * a flood of different or of huge operations must not fill the server's memory.
 */
const MAX_PREPARED = 500;
const MAX_PREPARED_LENGTH = 9_000;
const USES_BEFORE_PREPARED = 3;
const MAX_USE_COUNTS = 2_000;
const preparedNames = new Map<string, Statement>();
const useCounts = new Map<string, number>();

/** The statement for a text that an operation makes. */
export function statement(name: string, text: string): Statement {
  const existing = preparedNames.get(text);
  if (existing) return existing;
  if (!shouldPrepare(text)) return { name, text: withComment(name, text), preparedName: undefined };
  const made = fixedStatement(name, text);
  preparedNames.set(text, made);
  useCounts.delete(text);
  return made;
}

/**
 * The statement for a text that stands in the program: prepared at its first use, since there are
 * few of them and they come again.
 */
export function fixedStatement(name: string, text: string): Statement {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { name, text: withComment(name, text), preparedName: `${name.slice(0, 40)}_${digest}` };
}

function withComment(name: string, text: string): string {
  return `/* ${name} */ ${text}`;
}

function shouldPrepare(text: string): boolean {
  if (text.length > MAX_PREPARED_LENGTH || preparedNames.size >= MAX_PREPARED) return false;
  const count = (useCounts.get(text) ?? 0) + 1;
  if (count >= USES_BEFORE_PREPARED) return true;
  // Counted anew, it is the youngest; the first in the map's order is the oldest.
  useCounts.delete(text);
  if (useCounts.size >= MAX_USE_COUNTS) useCounts.delete(useCounts.keys().next().value!);
  useCounts.set(text, count);
  return false;
}
