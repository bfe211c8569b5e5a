import { createHash } from 'node:crypto';
import { z } from 'zod';
import { StartupError } from '../../base/startup-error.js';
import { countLines, END_OF_ROWS, completeRows } from './copy-rows.js';
import { fileError } from '../../base/file-errors.js';
import { gunzip, gunzipError } from './gunzip.js';

/**
 * A portable backup is text under gzip: a line of JSON that says what is in it; for each table its
 * rows in PostgreSQL's text format, as COPY writes and reads it, in the order of their keys, and
 * the line `\.`; and a line of JSON with the number of rows and a digest of each table. Values are
 * PostgreSQL's own text, so that vectors, numbers and times come back exactly, on any version and
 * either database.
 */
const FORMAT = 'weaver portable backup';
const VERSION = 1;

const MANIFEST = z.object({
  format: z.literal(FORMAT),
  version: z.number().int(),
  /** Names of the migrations that made the tables, sorted. */
  migrations: z.array(z.string()),
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()).min(1) })),
});
const TOTALS = z.object({
  totals: z.array(z.object({ name: z.string(), rows: z.number().int(), sha256: z.string() })),
});

export type Manifest = z.infer<typeof MANIFEST>;
export type PortableTable = Manifest['tables'][number];
export interface Total {
  readonly name: string;
  readonly rows: number;
  readonly sha256: string;
}

const line = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);

/**
 * The text of a portable backup. `rowsOf` gives a table's rows and, at its end, their number as the
 * database has it.
 */
export async function* portableText(
  migrations: readonly string[],
  tables: readonly PortableTable[],
  rowsOf: (table: PortableTable) => AsyncGenerator<Buffer, number>,
): AsyncGenerator<Buffer, readonly Total[]> {
  yield line({ format: FORMAT, version: VERSION, migrations: migrations.toSorted(), tables });
  const totals: Total[] = [];
  for (const table of tables) {
    const digest = createHash('sha256');
    const pieces = rowsOf(table);
    let piece = await pieces.next();
    for (; !piece.done; piece = await pieces.next()) {
      digest.update(piece.value);
      yield piece.value;
    }
    yield END_OF_ROWS;
    totals.push({ name: table.name, rows: piece.value, sha256: digest.digest('hex') });
  }
  yield line({ totals });
  return totals;
}

/** Whether a file that is packed by gzip is a portable backup. */
export async function isPortable(file: string): Promise<boolean> {
  const start = Buffer.from(`{"format":"${FORMAT}"`);
  const text = gunzip(file, new AbortController().signal);
  try {
    let read = Buffer.alloc(0);
    for await (const chunk of text) {
      read = Buffer.concat([read, chunk]);
      if (read.length >= start.length) break;
    }
    return read.subarray(0, start.length).equals(start);
  } catch (error) {
    throw gunzipError(error, file);
  }
}

export interface PortableReader {
  readonly signal: AbortSignal;
  /** Called once, before any row. */
  manifest?(manifest: Manifest): Promise<void>;
  /** Whole rows of one table, in the order of the file. */
  rows(table: PortableTable, rows: Buffer): Promise<void>;
  /** Called after the last row of each table. */
  tableEnd?(table: PortableTable, rows: number): Promise<void>;
}

/**
 * Reads a portable backup in pieces, and throws a `StartupError` where it is not whole: then what
 * `reader` was given counts for nothing.
 */
export async function readPortable(
  file: string,
  reader: PortableReader,
): Promise<{ manifest: Manifest; totals: readonly Total[] }> {
  const totals: Total[] = [];
  let manifest: Manifest | undefined;
  let written: readonly Total[] | undefined;
  let digest = createHash('sha256');
  let rows = 0;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of gunzip(file, reader.signal)) {
      let block: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (block.length > 0) {
        const table = manifest?.tables[totals.length];
        if (manifest !== undefined && table !== undefined) {
          const found = completeRows(block, 0);
          if (found.rows.length > 0) {
            digest.update(found.rows);
            rows += countLines(found.rows);
            await reader.rows(table, found.rows);
          }
          block = block.subarray(found.next);
          if (!found.ended) break;
          await reader.tableEnd?.(table, rows);
          totals.push({ name: table.name, rows, sha256: digest.digest('hex') });
          digest = createHash('sha256');
          rows = 0;
        } else {
          const end = block.indexOf(10);
          if (end < 0) break;
          const text = block.toString('utf8', 0, end);
          block = block.subarray(end + 1);
          if (manifest === undefined) {
            manifest = readManifest(text, file);
            await reader.manifest?.(manifest);
          } else written = TOTALS.parse(JSON.parse(text)).totals;
        }
      }
      rest = block;
    }
  } catch (error) {
    reader.signal.throwIfAborted();
    if (error instanceof SyntaxError || error instanceof z.ZodError)
      throw new StartupError(`${file} is damaged: its end is not what was written.`, {
        cause: error,
      });
    throw isFileError(error) ? gunzipError(error, file) : error;
  }
  if (manifest === undefined || written === undefined)
    throw new StartupError(`${file} is cut off: its end is missing.`);
  if (JSON.stringify(written) !== JSON.stringify(totals))
    throw new StartupError(`${file} is damaged: its rows are not those that were written.`);
  return { manifest, totals };
}

function isFileError(error: unknown): boolean {
  const { code, syscall } = error as { code?: string; syscall?: string };
  return (
    code?.startsWith('Z_') === true ||
    syscall === 'read' ||
    syscall === 'open' ||
    fileError(error, '') !== error
  );
}

function readManifest(text: string, file: string): Manifest {
  const { version } = z.looseObject({ version: z.number() }).parse(JSON.parse(text));
  if (version > VERSION)
    throw new StartupError(
      `${file} was written by a later version of Weaver, in a format that this version cannot ` +
        'read. Restore it with that version.',
    );
  return MANIFEST.parse(JSON.parse(text));
}
