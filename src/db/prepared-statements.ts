import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { RowReader } from './row-reader.js';
import type { Statement } from './statement.js';

/** What is known of a statement on all connections of a database. */
export interface PreparedStatement {
  /** Unique for the text, at most 63 bytes; undefined where the text is not worth preparing. */
  readonly name: string | undefined;
  readonly text: string;
  /** Of its rows: known once the server has described them. */
  reader: RowReader | undefined;
}

/**
 * A prepared statement lives on every connection for as long as that does, and filters and
 * selections make ever new texts. So only what comes again is prepared, and only while it is short:
 * a flood of different or of huge operations must not fill the server's memory.
 */
const MAX_PREPARED = 500;
const MAX_PREPARED_LENGTH = 9_000;
const USES_BEFORE_PREPARED = 3;
const MAX_USE_COUNTS = 2_000;

/** The statements that a database prepares by name, once on each connection. */
export class PreparedStatements {
  readonly #byText = new Map<string, PreparedStatement>();
  readonly #useCounts = new LRUCache<string, number>({ max: MAX_USE_COUNTS });

  /** Counts a use of `statement`. */
  use({ name, text, isFixed }: Statement): PreparedStatement {
    const existing = this.#byText.get(text);
    if (existing) return existing;
    if (!isFixed && !this.#comesAgain(text)) return unprepared(text);
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const made = { name: `${name.slice(0, 40)}_${digest}`, text, reader: undefined };
    this.#byText.set(text, made);
    this.#useCounts.delete(text);
    return made;
  }

  #comesAgain(text: string): boolean {
    if (isTooLong(text) || this.#byText.size >= MAX_PREPARED) return false;
    const count = (this.#useCounts.get(text) ?? 0) + 1;
    this.#useCounts.set(text, count);
    return count >= USES_BEFORE_PREPARED;
  }
}

/** Whether a text that an operation makes is never prepared. */
export function isTooLong(text: string): boolean {
  return text.length > MAX_PREPARED_LENGTH;
}

/** For a single use. */
export function unprepared(text: string): PreparedStatement {
  return { name: undefined, text, reader: undefined };
}
