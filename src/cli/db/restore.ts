import { StartupError } from '../../base/startup-error.js';
import type { Config, DatabaseConfig } from '../../config.js';
import { countsOfEmbedded, replaceEmbedded, unpackArchive } from '../../ops/backup/archive.js';
import { kindOfBackup } from '../../ops/backup/backup-kind.js';
import { formatRowCounts, type Counts } from '../../ops/backup/counts.js';
import {
  countsInDump,
  dumpEntries,
  hasOnlyWeaver,
  weaverEntries,
} from '../../ops/backup/dump-contents.js';
import { embeddedSink } from '../../ops/backup/portable-embedded.js';
import { postgresSink } from '../../ops/backup/portable-postgres.js';
import { checkPortable, fillFromPortable, withPortableTables } from '../../ops/backup/portable.js';
import {
  readTarget,
  restorableEntries,
  restoreDump,
  extraObjectsIn,
} from '../../ops/backup/restore-dump.js';
import { RestoreLeftover } from '../../ops/backup/restore-leftover.js';
import { refuseOtherEncoding } from '../../ops/database-encoding.js';
import { countExistingRows } from '../../ops/backup/rows-there.js';
import { inSession } from '../../ops/backup/session.js';
import type { BackupContext } from '../../ops/backup/backup-context.js';
import { DataFolderInUseError } from '../../db/open/data-folder-lock.js';
import { Database } from '../../db/database.js';
import { migratorOf } from '../../ops/migrations/run.js';
import { futureOwner } from '../../ops/migrations/table-owner.js';
import { poolOf } from '../../ops/pool-of.js';
import { refuseSharedSessions } from '../../ops/session-pooling.js';
import { ENTITIES } from '../../entities.js';
import type { CommandIo } from '../command-io.js';
import { untilInterrupted } from '../interruption.js';
import { clusterExists, describeDatabase, openingError, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import { explainFailure } from './backup-failure.js';
import { lockFailure } from './lock-failure.js';
import { refuseReplacedRows, completeCounts } from './replaced-rows.js';

export interface RestoreCommandOptions {
  readonly yes?: boolean;
  readonly onlyWeaver?: boolean;
}

interface RestoreResult {
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
        `${kind === 'embedded' ? 'an embedded database' : 'a PostgreSQL database'}, but ` +
        `this is ${describeDatabase(target, 'migrate')}. To move rows between the two, use ` +
        '"npx weaver db backup --portable FILE".',
    );
  }
  const progress = new Progress(io, 'Restoring');
  try {
    let outcome = 'nothing was changed';
    const { counts, notes } = await untilInterrupted(
      () => outcome,
      async signal => {
        const context = {
          report: (doing: string) => progress.update(undefined, doing),
          signal,
          env: io.env,
        };
        const restore =
          target.kind === 'embedded'
            ? restoreEmbedded(config, target, io, file, kind, options, context)
            : restorePostgres(config, target, io, file, kind, options, context);
        return restore.catch(error => {
          if (error instanceof RestoreLeftover) outcome = error.left;
          throw explainFailure(error, 'Nothing was changed.');
        });
      },
    );
    progress.end();
    io.out(`Restored ${file}: ${formatRowCounts(counts)}.`);
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
  context: BackupContext,
): Promise<RestoreResult> {
  // With --yes nothing has to be known of what is there, which is kept: it may be damaged, and
  // opening it could damage it more.
  if (!yes && clusterExists(dataDir))
    refuseReplacedRows(io, completeCounts(await countsToReplace(config)), yes);
  const { result: counts, previousFolder } = await replaceEmbedded(
    dataDir,
    context.signal,
    staging =>
      kind === 'portable'
        ? fillEmbedded(staging, file, context)
        : unpackArchive(file, ENTITIES, context.signal, staging),
    path => io.say(`Removed ${path}, which an interrupted restore had left behind.`),
  );
  return {
    counts,
    notes: previousFolder
      ? [
          `The former files are kept in ${previousFolder}: delete them when you no ` +
            'longer need them.',
        ]
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

async function fillEmbedded(
  dataDir: string,
  file: string,
  context: BackupContext,
): Promise<Counts> {
  const { manifest, counts } = await checkPortable(file, context);
  const config = { kind: 'embedded', dataDir } as const;
  const database = await Database.open(config, ENTITIES, 'migrate').catch(error => {
    throw openingError(error, config, 'migrate');
  });
  try {
    await withPortableTables(database, file, manifest, async () =>
      fillFromPortable(await embeddedSink(database), file, { clean: true }, context),
    );
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
  context: BackupContext,
): Promise<RestoreResult> {
  const { statementLockMs } = config;
  return withDatabase(config, 'migrate', async database =>
    kind === 'portable'
      ? fillPostgres(database, target, io, file, options, context, statementLockMs)
      : migratorOf(database).withLock(() =>
          restoreFromDump(target, io, file, options, context, statementLockMs),
        ),
  ).catch(async error => {
    throw await lockFailure(error, {
      address: target.ownerAddress,
      lockWaitMs: statementLockMs,
      wanted: 'changing',
      who: 'The restore',
      consequence:
        'Nothing was changed. Let that session end, or stop the gateways, then run it again, or ' +
        'set WEAVER_STATEMENT_LOCK_TIMEOUT to more seconds.',
    });
  });
}

async function restoreFromDump(
  { ownerAddress: address }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  io: CommandIo,
  file: string,
  { yes = false, onlyWeaver = false }: RestoreCommandOptions,
  context: BackupContext,
  lockWaitMs: number,
): Promise<RestoreResult> {
  const all = await dumpEntries(file, context);
  const wanted = onlyWeaver ? await weaverEntries(file, all, context) : all;
  const {
    there: existing,
    target,
    owner,
  } = await inSession(address, context.signal, async session => {
    await refuseOtherEncoding(session.run);
    return {
      owner: await futureOwner(session.run),
      there: await countExistingRows(session),
      target: await readTarget(session.run),
    };
  });
  const entries = restorableEntries(target, wanted);
  const counts = await countsInDump(file, entries, context);
  const extraObjects = extraObjectsIn(target, all, onlyWeaver);
  const replacedCounts = new Map([...existing].filter(([table]) => counts.has(table)));
  refuseReplacedRows(io, replacedCounts, yes, extraObjects, existing);
  await restoreDump(
    address,
    file,
    target,
    entries,
    {
      clean: replacedCounts.size > 0 || extraObjects.functions.length > 0,
      extraObjects,
      owner,
      counts,
      makeExtensions: onlyWeaver || hasOnlyWeaver(all),
      lockWaitMs,
    },
    context,
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
  context: BackupContext,
  lockWaitMs: number,
): Promise<RestoreResult> {
  const { manifest, counts } = await checkPortable(file, context);
  await refuseSharedSessions(await poolOf(database));
  const { there: existing, owner } = await inSession(address, context.signal, async session => ({
    owner: await futureOwner(session.run),
    there: await countExistingRows(session),
  }));
  refuseReplacedRows(io, new Map([...existing].filter(([table]) => counts.has(table))), yes);
  await withPortableTables(database, file, manifest, () =>
    migratorOf(database).withLock(() =>
      inSession(address, context.signal, session =>
        fillFromPortable(postgresSink(session), file, { clean: yes, owner, lockWaitMs }, context),
      ),
    ),
  );
  return {
    counts,
    notes: owner === undefined ? [] : [`Weaver's tables belong to ${owner}, who can migrate them.`],
  };
}
