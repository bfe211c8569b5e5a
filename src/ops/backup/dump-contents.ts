import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StartupError } from '../../base/startup-error.js';
import { LEGACY_PREFIX } from '../../db/legacy-names.js';
import { LOG_TABLE } from '../migrations/log.js';
import { CopiedRows } from './copy-rows.js';
import type { Counts } from './counts.js';
import { formatTableName } from './counts.js';
import { linesOf, runProgram } from './programs.js';
import { formatBytes, type BackupContext } from './backup-context.js';

/** One line of the list that pg_restore makes of a dump. */
export interface DumpEntry {
  readonly line: string;
  /** `TABLE`, `FK CONSTRAINT`, … */
  readonly type: string;
  /**
   * `public`, or `-` for what is in no schema; else undefined, and the schema's name is the
   * beginning of `rest`.
   */
  readonly schema: 'public' | '-' | undefined;
  /** The name of the thing, often after the table that it belongs to, and the name of its owner. */
  readonly rest: string;
}

/** The type is in capitals, and may be several words. */
const IN_PUBLIC_OR_NONE = /^\d+; \d+ \d+ ([A-Z][A-Z ]*?) (public|-) (.*)$/;
const ELSEWHERE = /^\d+; \d+ \d+ (TABLE DATA|SEQUENCE SET|[A-Z]+) (.*)$/;

/**
 * What a dump has, in the order in which it is restored. A `StartupError` where the file is none.
 */
export async function dumpEntries(file: string, context: BackupContext): Promise<DumpEntry[]> {
  const lines = await linesOf('pg_restore', ['--list', file], context).catch(error => {
    throw damagedError(file, error);
  });
  return lines.flatMap(line => {
    const [, type, schema, rest] = IN_PUBLIC_OR_NONE.exec(line) ?? [];
    if (type !== undefined)
      return [{ line, type, schema: schema as DumpEntry['schema'], rest: rest! }];
    const [, typeElsewhere, restElsewhere] = ELSEWHERE.exec(line) ?? [];
    return typeElsewhere === undefined
      ? []
      : [{ line, type: typeElsewhere, schema: undefined, rest: restElsewhere! }];
  });
}

export const firstWord = (text: string): string => text.split(' ', 1)[0]!;

/**
 * Weaver's own tables in a dump: those with a policy for the operator, the log of migrations, and
 * what adoption keeps.
 */
function weaverTables(entries: readonly DumpEntry[]): Set<string> {
  const inPublic = entries.filter(({ schema }) => schema === 'public');
  const tablesWithPolicy = inPublic
    .filter(({ type, rest }) => type === 'POLICY' && rest.split(' ')[1] === 'operator_all')
    .map(({ rest }) => firstWord(rest));
  const legacyTables = inPublic
    .filter(({ type, rest }) => type === 'TABLE' && rest.startsWith(LEGACY_PREFIX))
    .map(({ rest }) => firstWord(rest));
  return new Set([LOG_TABLE, ...tablesWithPolicy, ...legacyTables]);
}

const OF_TABLE = new Set([
  'TABLE',
  'TABLE DATA',
  'DEFAULT',
  'CONSTRAINT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'POLICY',
  'ROW SECURITY',
  'STATISTICS DATA',
]);
const SEQUENCES = new Set(['SEQUENCE', 'SEQUENCE OWNED BY', 'SEQUENCE SET']);

/** The entries of a dump without what others keep in the same database. */
export async function weaverEntries(
  file: string,
  entries: readonly DumpEntry[],
  context: BackupContext,
): Promise<DumpEntry[]> {
  const tables = weaverTables(entries);
  const after = (
    await linesOf(
      'pg_restore',
      ['--section=post-data', '--schema=public', '--file=-', file],
      context,
    )
  ).join('\n');
  // The list names no table beside these, and the script does.
  const named = (statement: RegExp): Set<string> =>
    new Set(
      [...after.matchAll(statement)]
        .filter(([, , table]) => tables.has(table!))
        .map(([, name]) => name!),
    );
  const indexes = named(/^CREATE (?:UNIQUE )?INDEX (\w+) ON (?:ONLY )?public\.(\w+) /gm);
  const statistics = named(/^CREATE STATISTICS public\.(\w+) [^;]* FROM public\.(\w+);/gm);
  const ownTrigger = new RegExp(
    String.raw`^CREATE (?:CONSTRAINT )?TRIGGER (\w+) [^;]* ON public\.(\w+) [^;]*` +
      String.raw`EXECUTE FUNCTION public\.weaver_`,
    'gm',
  );
  const triggers = new Set(
    [...after.matchAll(ownTrigger)].map(([, name, table]) => `${table} ${name}`),
  );
  return entries.filter(({ type, schema, rest }) => {
    if (schema !== 'public') return false;
    const [first, second = ''] = rest.split(' ');
    if (OF_TABLE.has(type)) return tables.has(first!);
    if (SEQUENCES.has(type)) return [...tables].some(table => first === `${table}_id_seq`);
    if (type === 'FUNCTION') return first!.startsWith('weaver_');
    if (type === 'INDEX') return indexes.has(first!);
    if (type === 'STATISTICS') return statistics.has(first!);
    if (type === 'TRIGGER') return triggers.has(`${first} ${second}`);
    // Of a table, one of its columns, or a function.
    return (
      (type === 'ACL' || type === 'COMMENT') &&
      (tables.has(second.split('.', 1)[0]!) || second.startsWith('weaver_'))
    );
  });
}

/**
 * Whether a dump was asked for without what others keep in the database: then it has no extensions
 * either, which Weaver's tables need.
 */
export function hasOnlyWeaver(entries: readonly DumpEntry[]): boolean {
  return !entries.some(({ type }) => type === 'EXTENSION');
}

/** Rows in a dump, read from the file itself: it is whole, and this is what restoring it brings. */
export async function countsInDump(
  file: string,
  entries: readonly DumpEntry[],
  context: BackupContext,
): Promise<Counts> {
  const rows = new CopiedRows();
  let bytes = 0;
  const output = async (from: Readable): Promise<void> => {
    for await (const chunk of from) {
      rows.read(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      context.report(
        `reading ${rows.table === undefined ? 'the file' : formatTableName(rows.table)}, ` +
          `${formatBytes(bytes)}`,
      );
    }
  };
  await withList(entries, list =>
    runProgram('pg_restore', ['--data-only', list, '--file=-', file], context, { output }),
  ).catch(error => {
    throw damagedError(file, error);
  });
  return rows.counts;
}

/**
 * Gives `work` the argument by which pg_restore takes these entries and no others. It reads them
 * from a file that it can open by name.
 */
export async function withList<T>(
  entries: readonly DumpEntry[],
  work: (argument: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-restore-'));
  try {
    const list = join(folder, 'list');
    await writeFile(list, entries.map(({ line }) => `${line}\n`).join(''), { mode: 0o600 });
    return await work(`--use-list=${list}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function damagedError(file: string, error: unknown): unknown {
  if (
    !(error instanceof StartupError) ||
    !error.message.startsWith('pg_restore failed') ||
    /disk is full/.test(error.message)
  )
    return error;
  return new StartupError(
    `${file} is cut off or damaged ` +
      `(${error.message.replace(/^pg_restore failed: /, '').replace(/\.$/, '')}).`,
    { cause: error },
  );
}
