import { StartupError } from '../../base/startup-error.js';
import type { Config, DatabaseConfig } from '../../config.js';
import { countsOfEmbedded, replaceEmbedded, unpackArchive } from '../../ops/backup/archive.js';
import { kindOfBackup } from '../../ops/backup/backup-kind.js';
import { rowsInWords, tableInWords, tableKey, type Counts } from '../../ops/backup/counts.js';
import {
  countsInDump,
  dumpEntries,
  isOfWeaverAlone,
  weaversEntries,
} from '../../ops/backup/dump-contents.js';
import { sinkOf as embeddedSink } from '../../ops/backup/portable-embedded.js';
import { sinkOf as postgresSink } from '../../ops/backup/portable-postgres.js';
import {
  checkPortable,
  fillFromPortable,
  migrateLike,
  unmigrate,
} from '../../ops/backup/portable.js';
import {
  readTarget,
  restorableEntries,
  restoreDump,
  strangersIn,
} from '../../ops/backup/restore-dump.js';
import type { Strangers } from '../../ops/backup/restore-script.js';
import { rowsThere } from '../../ops/backup/rows-there.js';
import { inSession } from '../../ops/backup/session.js';
import type { Work } from '../../ops/backup/work.js';
import { reason } from '../../ops/connection-errors.js';
import { DataFolderInUseError } from '../../db/open/data-folder-lock.js';
import { Database } from '../../db/database.js';
import { migratorOf } from '../../ops/migrations/run.js';
import { rowCountText, type RowCount } from '../../ops/row-counts.js';
import { ownerToBe } from '../../ops/migrations/table-owner.js';
import { ENTITIES } from '../../entities.js';
import type { CommandIo } from '../command-io.js';
import { untilInterrupted } from '../interruption.js';
import { describeDatabase, embeddedExists, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import { foreseen } from './backup-failure.js';

export interface RestoreCommandOptions {
  readonly yes?: boolean;
  readonly onlyWeaver?: boolean;
}

interface Restored {
  readonly counts: Counts;
  /** What else there is to say. */
  readonly notes: readonly string[];
}

/**
 * `weaver db restore`: refuses what would be overwritten, restores all or nothing, and compares the
 * rows with the file's.
 */
export async function restoreCommand(
  config: Config,
  io: CommandIo,
  file: string,
  options: RestoreCommandOptions,
): Promise<void> {
  const { database: target } = config;
  const kind = await kindOfBackup(file);
  if (kind !== 'portable' && kind !== target.kind) {
    throw new StartupError(
      `${file} is a backup of ` +
        `${kind === 'embedded' ? 'an embedded database' : 'a PostgreSQL database'}, and ` +
        `this is ${describeDatabase(target, 'migrate')}. Between the two, "npx weaver db ` +
        'backup --portable FILE" carries the rows.',
    );
  }
  const progress = new Progress(io, 'Restoring');
  try {
    const { counts, notes } = await untilInterrupted('nothing was changed', async signal => {
      const work = {
        tell: (doing: string) => progress.update(undefined, doing),
        signal,
        env: io.env,
      };
      const restore =
        target.kind === 'embedded'
          ? restoreEmbedded(config, target, io, file, kind, options, work)
          : restorePostgres(config, target, io, file, kind, options, work);
      return restore.catch(error => {
        throw foreseen(error, 'Nothing was changed.');
      });
    });
    progress.end();
    io.out(`Restored ${file}: ${rowsInWords(counts)}.`);
    for (const note of notes) io.say(note);
    io.say(
      `The rows were counted and are the same. This is ${describeDatabase(target, 'migrate')}.`,
    );
  } finally {
    progress.end();
  }
}

async function restoreEmbedded(
  config: Config,
  { dataDir }: Extract<DatabaseConfig, { kind: 'embedded' }>,
  io: CommandIo,
  file: string,
  kind: string,
  { yes = false }: RestoreCommandOptions,
  work: Work,
): Promise<Restored> {
  // With --yes nothing has to be known of what is there, which is kept: it may be damaged, and
  // opening it could damage it more.
  if (!yes && embeddedExists(config.database))
    refuseRows(io, complete(await countsToReplace(config)), yes);
  const { made, former } = await replaceEmbedded(dataDir, work.signal, staging =>
    kind === 'portable'
      ? fillEmbedded(staging, file, work)
      : unpackArchive(file, ENTITIES, work.signal, staging),
  );
  return {
    counts: made,
    notes: former
      ? [`What was there before is kept in ${former}: delete it when you miss nothing.`]
      : [],
  };
}

async function countsToReplace(config: Config): Promise<Counts> {
  return withDatabase(config, 'migrate', countsOfEmbedded).catch(error => {
    if (!(error instanceof StartupError) || error instanceof DataFolderInUseError) throw error;
    throw new StartupError(
      'The database that is there cannot be opened, so that its rows cannot be counted. ' +
        'Nothing was changed. Add --yes to put the backup in its place: the former files ' +
        `are kept beside it. What is wrong with it: ${error.message}`,
      { cause: error },
    );
  });
}

async function fillEmbedded(dataDir: string, file: string, work: Work): Promise<Counts> {
  const { manifest, counts } = await checkPortable(file, work);
  const database = await Database.open({ kind: 'embedded', dataDir }, ENTITIES, 'migrate');
  try {
    await migrateLike(database, file, manifest);
    await fillFromPortable(await embeddedSink(database), file, { clean: true }, work);
    return counts;
  } finally {
    await database.close();
  }
}

async function restorePostgres(
  config: Config,
  target: Extract<DatabaseConfig, { kind: 'postgres' }>,
  io: CommandIo,
  file: string,
  kind: string,
  options: RestoreCommandOptions,
  work: Work,
): Promise<Restored> {
  return withDatabase(config, 'migrate', async database =>
    kind === 'portable'
      ? fillPostgres(database, target, io, file, options, work)
      : migratorOf(database).alone(() => restoreFromDump(target, io, file, options, work)),
  );
}

async function restoreFromDump(
  { ownerAddress: address }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  io: CommandIo,
  file: string,
  { yes = false, onlyWeaver = false }: RestoreCommandOptions,
  work: Work,
): Promise<Restored> {
  const all = await dumpEntries(file, work);
  const asked = onlyWeaver ? await weaversEntries(file, all, work) : all;
  const { there, target, owner } = await inSession(address, work.signal, async session => ({
    owner: await ownerToBe(session.run),
    there: await rowsThere(session),
    target: await readTarget(session.run),
  }));
  const entries = restorableEntries(target, asked);
  const counts = await countsInDump(file, entries, work);
  const strangers = strangersIn(target, all, onlyWeaver);
  const replaced = new Map([...there].filter(([table]) => counts.has(table)));
  refuseRows(io, replaced, yes, strangers, there);
  await restoreDump(
    address,
    file,
    target,
    entries,
    {
      clean: replaced.size > 0 || strangers.functions.length > 0,
      strangers,
      owner,
      counts,
      makeExtensions: onlyWeaver || isOfWeaverAlone(all),
    },
    work,
  );
  return {
    counts,
    notes: owner === undefined ? [] : [`Weaver's tables belong to ${owner}, who can migrate them.`],
  };
}

async function fillPostgres(
  database: Database,
  { ownerAddress: address }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  io: CommandIo,
  file: string,
  { yes = false }: RestoreCommandOptions,
  work: Work,
): Promise<Restored> {
  const { manifest, counts } = await checkPortable(file, work);
  await database.refuseSharedSessions();
  const { there, owner } = await inSession(address, work.signal, async session => ({
    owner: await ownerToBe(session.run),
    there: await rowsThere(session),
  }));
  refuseRows(io, new Map([...there].filter(([table]) => counts.has(table))), yes);
  const wasEmpty = await migrateLike(database, file, manifest);
  await migratorOf(database)
    .alone(() =>
      inSession(address, work.signal, session =>
        fillFromPortable(postgresSink(session), file, { clean: yes, owner }, work),
      ),
    )
    .catch(async error => {
      if (wasEmpty) await takeAway(database, error);
      throw error;
    });
  return {
    counts,
    notes: owner === undefined ? [] : [`Weaver's tables belong to ${owner}, who can migrate them.`],
  };
}

/** The tables that were made for the rows that did not come. */
async function takeAway(database: Database, why: unknown): Promise<void> {
  await unmigrate(database).catch(error => {
    const tables =
      'The tables that were made for the rows stay without them, and nothing else was changed.';
    throw new StartupError(
      `${reason(why)}. ${tables} They could not be taken away: ${reason(error)}.`,
      { cause: why },
    );
  });
}

type RowCounts = ReadonlyMap<string, RowCount>;

function complete(counts: Counts): RowCounts {
  return new Map([...counts].map(([table, counted]) => [table, { counted, isAll: true }]));
}

/** Names what is there and what the backup does not have, and refuses it without --yes. */
function refuseRows(
  io: CommandIo,
  replaced: RowCounts,
  yes: boolean,
  strangers?: Strangers,
  there?: RowCounts,
): void {
  const filled = [...replaced].filter(([, { counted, isAll }]) => counted > 0 || !isAll);
  for (const [table, rows] of filled)
    io.say(`  replaces the table ${tableInWords(table)} (${rowCountText(rows)})`);
  const { relations = [], functions = [], types = [] } = strangers ?? {};
  for (const name of relations) {
    const rows = there?.get(tableKey('public', name));
    io.say(
      `  removes ${name}, which the backup does not ` +
        `have${rows === undefined ? '' : ` (${rowCountText(rows)})`}`,
    );
  }
  for (const name of functions)
    io.say(`  removes the function ${name}, which the backup does not have`);
  for (const name of types) io.say(`  removes the type ${name}, which the backup does not have`);
  const asks = filled.length + relations.length + functions.length + types.length > 0;
  if (asks && !yes)
    throw new StartupError(
      (
        'Nothing was changed. Add --yes to replace these rows and remove what the backup ' +
        'does not have.'
      ).replace(
        relations.length + functions.length + types.length > 0
          ? ''
          : ' and remove what the backup does not have',
        '',
      ),
    );
}
