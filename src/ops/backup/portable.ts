import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { StartupError } from '../../base/startup-error.js';
import { reasonWithoutValues } from '../connection-errors.js';
import { runMigrations } from '../migrations/run.js';
import { RestoreLeftover } from './restore-leftover.js';
import { knownMigrations } from '../migrations/state.js';
import type { RunSql } from '../migrations/catalogue.js';
import type { Database } from '../../db/database.js';
import type { PartialFile } from './backup-file.js';
import { LOG_TABLE } from '../migrations/log.js';
import { tableKey, type Counts } from './counts.js';
import {
  portableText,
  readPortable,
  type Manifest,
  type PortableTable,
  type Total,
} from './portable-format.js';
import {
  appliedMigrations,
  portableTables,
  inPublic,
  TEXT_SETTINGS,
  type KeyedTable,
} from './portable-tables.js';
import { formatBytes, type BackupContext } from './backup-context.js';

/** What a portable backup holds. */
export interface PortableContents {
  readonly counts: Counts;
  readonly totals: readonly Total[];
}

/**
 * Writes the rows of Weaver's tables into a file, all of one moment, in the transaction that it
 * begins, and which stays open where it fails. `prepare` makes sure in it that all rows are seen.
 */
export async function backupRows(
  run: RunSql,
  partial: PartialFile,
  rowsOf: (table: KeyedTable) => AsyncGenerator<Buffer, number>,
  context: BackupContext,
  prepare?: () => Promise<void>,
): Promise<PortableContents> {
  await run('begin isolation level repeatable read read only');
  for (const setting of TEXT_SETTINGS) await run(setting);
  await prepare?.();
  const migrations = await appliedMigrations(run);
  if (migrations.length === 0)
    throw new StartupError(
      `The database has none of Weaver's tables, so there is nothing to back up.`,
    );
  const written = await writePortable(
    partial,
    migrations,
    await portableTables(run),
    rowsOf,
    context,
  );
  await run('commit');
  return written;
}

/** Writes tables into a file as they are read. */
async function writePortable(
  partial: PartialFile,
  migrations: readonly string[],
  tables: readonly KeyedTable[],
  rowsOf: (table: KeyedTable) => AsyncGenerator<Buffer, number>,
  { report, signal }: BackupContext,
): Promise<PortableContents> {
  let bytes = 0;
  async function* rowsWithProgress(table: PortableTable): AsyncGenerator<Buffer, number> {
    const rows = rowsOf(tables.find(({ name }) => name === table.name)!);
    let piece = await rows.next();
    for (; !piece.done; piece = await rows.next()) {
      bytes += piece.value.length;
      report(`writing ${table.name}, ${formatBytes(bytes)}`);
      yield piece.value;
    }
    return piece.value;
  }
  const text = portableText(
    migrations,
    tables.map(({ name, columns }) => ({ name, columns })),
    rowsWithProgress,
  );
  let totals: readonly Total[] = [];
  async function* pieces(): AsyncGenerator<Buffer> {
    totals = yield* text;
  }
  await pipeline(Readable.from(pieces(), { objectMode: false }), createGzip(), partial.write, {
    signal,
  });
  return { counts: countsOf(totals), totals };
}

const countsOf = (totals: readonly Total[]): Counts =>
  new Map(totals.map(({ name, rows }) => [tableKey('public', name), rows]));

/** Reads a whole portable backup and compares it with the digests in it. */
export async function checkPortable(
  file: string,
  { report, signal }: BackupContext,
): Promise<{ manifest: Manifest; counts: Counts; totals: readonly Total[] }> {
  let bytes = 0;
  const { manifest, totals } = await readPortable(file, {
    signal,
    rows: async ({ name }, rows) =>
      report(`reading ${name}, ${formatBytes((bytes += rows.length))}`),
  });
  return { manifest, totals, counts: countsOf(totals) };
}

/** A transaction that takes rows. */
export interface RowSink {
  readonly run: RunSql;
  open(table: PortableTable): Promise<{ write(rows: Buffer): Promise<void>; end(): Promise<void> }>;
  /** Gives what was made to its owner, in the same transaction. */
  finish(owner: string | undefined): Promise<void>;
}

/**
 * Lets `fill` put rows into tables at the migrations that a backup was written at, which it makes
 * in an empty database, and takes away again where `fill` fails. Throws where the database is at
 * others, or where this version does not have them.
 */
export async function withPortableTables<T>(
  database: Database,
  file: string,
  { migrations }: Manifest,
  fill: () => Promise<T>,
): Promise<T> {
  const run: RunSql = sql => database.orm.em.getDriver().getConnection().execute(sql);
  const applied = await appliedMigrations(run);
  refuseOtherMigrations(file, migrations, applied);
  if (applied.length > 0) return fill();
  await runMigrations(database, 'up', migrations);
  try {
    return await fill();
  } catch (error) {
    throw await takenAway(database, error);
  }
}

function refuseOtherMigrations(
  file: string,
  migrations: readonly string[],
  applied: readonly string[],
): void {
  const unknown = migrations.filter(name => !knownMigrations().includes(name));
  if (unknown.length > 0)
    throw new StartupError(
      `${file} was written at migrations that this Weaver does not have ` +
        `(${unknown.join(', ')}). Restore it with the Weaver that has them. Nothing was ` +
        'changed.',
    );
  if (applied.length === 0) return;
  const [missingMigrations, extraMigrations] = [
    migrations.filter(name => !applied.includes(name)),
    applied.filter(name => !migrations.includes(name)),
  ];
  if (missingMigrations.length + extraMigrations.length === 0) return;
  const hint =
    extraMigrations.length === 0
      ? `Run "npx weaver db up ${migrations.at(-1)}" first`
      : 'Restore into an empty database, and run "npx weaver db up" there';
  throw new StartupError(
    `${file} was written at ${migrations.at(-1)}, and this database is at ${applied.at(-1)}. ` +
      `${hint}. Nothing was changed.`,
  );
}

/**
 * Takes away the tables that were made, as long as nobody has put rows into them. Gives what to
 * say of the failure `why`.
 */
async function takenAway(database: Database, why: unknown): Promise<unknown> {
  try {
    await runMigrations(database, 'down', { to: 0 });
    await database.orm.em
      .getDriver()
      .getConnection()
      .execute(`drop table if exists ${tableKey('public', LOG_TABLE)}`);
  } catch (error) {
    return new RestoreLeftover(
      'the empty tables that it created are left in the database, because they could not be ' +
        `removed (${reasonWithoutValues(error)}). Correct that, then remove them with "npx ` +
        'weaver db down base"',
      why,
    );
  }
  return why;
}

export interface FillOptions {
  /** Take away the rows that are there. */
  readonly clean: boolean;
  readonly owner?: string | undefined;
  /** How long one statement waits for a lock. Without it there is no limit. */
  readonly lockWaitMs?: number;
}

/**
 * Puts the rows of a portable backup into tables that are at the same migrations, in one
 * transaction: they are all there, or it is as it was. Triggers of Weaver's rest meanwhile, for
 * what they would do was done when the rows were first written, but for the one that makes what the
 * file does not carry; and so do policies, which hold the owner of the tables, too. Foreign keys
 * and checks do not.
 */
export async function fillFromPortable(
  sink: RowSink,
  file: string,
  { clean, owner, lockWaitMs = 0 }: FillOptions,
  { report, signal }: BackupContext,
): Promise<void> {
  const { run } = sink;
  await run('begin');
  try {
    await run(`set local lock_timeout = ${lockWaitMs}`);
    for (const setting of TEXT_SETTINGS) await run(setting);
    const tables = await portableTables(run);
    const forcedTables = await run<{ name: string }>(
      'select relname::text as name from pg_class ' +
        "where relnamespace = 'public'::regnamespace and relforcerowsecurity",
    );
    const isForced = (table: PortableTable): boolean =>
      forcedTables.some(({ name }) => name === table.name);
    for (const table of tables) {
      await run(`alter table ${inPublic(table)} disable trigger user`);
      if (isForced(table)) await run(`alter table ${inPublic(table)} no force row level security`);
    }
    await enableWordsTrigger(run);
    if (clean) await run(`truncate ${tables.map(inPublic).join(', ')}`);
    let bytes = 0;
    let into: Awaited<ReturnType<RowSink['open']>> | undefined;
    const { totals } = await readPortable(file, {
      signal,
      manifest: async manifest => refuseOtherTables(file, manifest, tables),
      async rows(table, rows) {
        into ??= await sink.open(table);
        await into.write(rows);
        report(`restoring ${table.name}, ${formatBytes((bytes += rows.length))}`);
      },
      async tableEnd() {
        await into?.end();
        into = undefined;
      },
    });
    for (const { name, rows } of totals) {
      const [stored] = await run<{ rows: string }>(
        `select count(*)::text as rows from ${tableKey('public', name)}`,
      );
      if (Number(stored!.rows) !== rows)
        throw new StartupError(
          `What was restored is not what ${file} holds: ${name} has ${stored!.rows} rows, ` +
            `and ${rows} in the file.`,
        );
    }
    for (const table of tables) {
      if (isForced(table)) await run(`alter table ${inPublic(table)} force row level security`);
      await run(`alter table ${inPublic(table)} enable trigger user`);
    }
    await sink.finish(owner);
    await run('commit');
  } catch (error) {
    await run('rollback').catch(() => {});
    throw error;
  }
}

/** Of the words of chunks, which the file does not carry. Earlier migrations make none. */
async function enableWordsTrigger(run: RunSql): Promise<void> {
  const [trigger] = await run<{ exists: boolean }>(
    `select exists (select from pg_trigger where tgrelid = 'public.doc_chunks'::regclass
       and tgname = 'doc_chunks_words') as exists`,
  );
  if (trigger!.exists) await run('alter table public.doc_chunks enable trigger doc_chunks_words');
}

function refuseOtherTables(file: string, manifest: Manifest, tables: readonly KeyedTable[]): void {
  const shape = (list: readonly PortableTable[]): string =>
    JSON.stringify(list.map(({ name, columns }) => [name, columns.toSorted()]).toSorted());
  if (shape(manifest.tables) !== shape(tables))
    throw new StartupError(
      `${file} has other tables or columns than this database, although the migrations ` +
        'are the same. "npx weaver db check" shows what was changed here.',
    );
}
