import { tableKey } from './counts.js';

const NEWLINE = 10;
/**
 * The line that ends rows in PostgreSQL's text format. A row never holds it: a backslash in a value
 * is doubled.
 */
export const END_OF_ROWS = Buffer.from('\\.\n');

/** Whole rows at the beginning of what was read, and where what follows them begins. */
export interface Rows {
  readonly rows: Buffer;
  readonly next: number;
  /** Whether the line that ends the table's rows followed them. */
  readonly ended: boolean;
}

/** The whole rows of `block` from `start`, the beginning of a line, on. */
export function completeRows(block: Buffer, start: number): Rows {
  for (
    let at = block.indexOf(END_OF_ROWS, start);
    at >= 0;
    at = block.indexOf(END_OF_ROWS, at + 1)
  ) {
    if (at === start || block[at - 1] === NEWLINE)
      return { rows: block.subarray(start, at), next: at + END_OF_ROWS.length, ended: true };
  }
  const next = block.lastIndexOf(NEWLINE) + 1;
  return next <= start
    ? { rows: block.subarray(start, start), next: start, ended: false }
    : { rows: block.subarray(start, next), next, ended: false };
}

export function countLines(rows: Buffer): number {
  let lines = 0;
  for (let at = rows.indexOf(NEWLINE); at >= 0; at = rows.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

const IDENTIFIER = String.raw`("(?:[^"]|"")+"|[^" .]+)`;
const COPY = new RegExp(String.raw`^COPY ${IDENTIFIER}\.${IDENTIFIER} \(.*\) FROM stdin;$`);

/** Counts rows by table in a script of pg_restore's, piece by piece. */
export class CopiedRows {
  readonly counts = new Map<string, number>();
  #table: string | undefined;
  #rest: Buffer = Buffer.alloc(0);

  /** The table whose rows are being read. */
  get table(): string | undefined {
    return this.#table;
  }

  read(chunk: Buffer): void {
    const block = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let remainder = -1; at !== remainder;) {
      remainder = at;
      at =
        this.#table === undefined
          ? this.#readStatementLine(block, at)
          : this.#readRows(block, at, this.#table);
    }
    this.#rest = block.subarray(at);
  }

  #readStatementLine(block: Buffer, start: number): number {
    const end = block.indexOf(NEWLINE, start);
    if (end < 0) return start;
    const [, schema, table] = COPY.exec(block.toString('utf8', start, end)) ?? [];
    if (schema !== undefined) {
      this.#table = tableKey(unquoted(schema), unquoted(table!));
      this.counts.set(this.#table, 0);
    }
    return end + 1;
  }

  #readRows(block: Buffer, start: number, table: string): number {
    const { rows, next, ended } = completeRows(block, start);
    this.counts.set(table, this.counts.get(table)! + countLines(rows));
    if (ended) this.#table = undefined;
    return next;
  }
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}
