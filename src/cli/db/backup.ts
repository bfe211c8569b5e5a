import { StartupError } from '../../base/startup-error.js';
import type { Config, DatabaseConfig } from '../../config.js';
import { isSameAddress, type DatabaseAddress } from '../../config/database-address.js';
import { countsInArchive, writeArchive } from '../../ops/backup/archive.js';
import { PartialFile, refuseExisting } from '../../ops/backup/backup-file.js';
import {
  differences,
  formatRowCounts,
  formatTableName,
  type Counts,
} from '../../ops/backup/counts.js';
import { countsInDump, dumpEntries, weaverEntries } from '../../ops/backup/dump-contents.js';
import { dumpPostgres, refuseRestrictedLogin } from '../../ops/backup/dump.js';
import { fileError } from '../../base/file-errors.js';
import { backupEmbeddedRows } from '../../ops/backup/portable-embedded.js';
import { backupPostgresRows, rowVisibility } from '../../ops/backup/portable-postgres.js';
import { checkPortable } from '../../ops/backup/portable.js';
import { readTarget, restorableEntries, restoreDump } from '../../ops/backup/restore-dump.js';
import {
  dropStaleScratchDatabases,
  inScratchDatabase,
  canCreateDatabases,
} from '../../ops/backup/scratch.js';
import { inSession, type Session } from '../../ops/backup/session.js';
import type { BackupContext } from '../../ops/backup/backup-context.js';
import { serverFacts } from '../../ops/server-checks.js';
import { ENTITIES } from '../../entities.js';
import type { CommandIo } from '../command-io.js';
import { untilInterrupted } from '../interruption.js';
import { describeDatabase, mustExist, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import { explainFailure } from './backup-failure.js';
import { lockFailure } from './lock-failure.js';

export interface BackupOptions {
  /** Whether the file is tried before it gets its name. */
  readonly check?: boolean;
  readonly onlyWeaver?: boolean;
  readonly portable?: boolean;
}

interface BackupResult {
  readonly counts: Counts;
  /** How the file was tried; undefined: it was not. */
  readonly verification: string | undefined;
}

/**
 * `weaver db backup`: writes the file, opens it again, compares its rows with the database's, and
 * then gives it its name.
 */
export async function backupCommand(
  config: Config,
  io: CommandIo,
  file: string,
  options: BackupOptions,
): Promise<void> {
  const { database: target } = config;
  mustExist(target);
  if (options.onlyWeaver && target.kind === 'embedded' && !options.portable) {
    throw new StartupError(
      '--only-weaver is for PostgreSQL: an archive of the embedded database contains all of ' +
        "its files. With --portable, the file contains only the rows of Weaver's tables.",
    );
  }
  await refuseExisting(file);
  const progress = new Progress(io, 'Backing up');
  try {
    const { counts, verification } = await untilInterrupted('nothing was written', async signal => {
      const context = {
        report: (doing: string) => progress.update(undefined, doing),
        signal,
        env: io.env,
      };
      const partial = await PartialFile.create(file, path =>
        io.say(`Removed ${path}, which an interrupted backup had left behind.`),
      );
      try {
        const result = await writeBackup(config, io, partial, options, context);
        signal.throwIfAborted();
        await partial.publish();
        return result;
      } catch (error) {
        throw explainFailure(
          await backupLockFailure(config, fileError(error, partial.path)),
          'Nothing was written.',
        );
      } finally {
        await partial.close();
      }
    });
    progress.end();
    io.out(`Wrote ${file}${counts.size > 0 ? `: ${formatRowCounts(counts)}` : ''}.`);
    io.say(
      verification === undefined
        ? 'The file was not checked (--no-check): it may not be restorable.'
        : `The file was checked and has the same rows: ${verification}.`,
    );
    const contents = options.portable
      ? "The file holds the rows of Weaver's own tables, for either database."
      : 'It does not contain roles and passwords, which belong to the server.';
    io.say(`This is ${describeDatabase(target, 'migrate')}. ${contents}`);
  } finally {
    progress.end();
  }
}

async function backupLockFailure(
  { database: target, statementLockMs }: Config,
  error: unknown,
): Promise<unknown> {
  if (target.kind === 'embedded') return error;
  return lockFailure(error, {
    address: target.ownerAddress,
    lockWaitMs: statementLockMs,
    wanted: 'reading',
    who: 'The backup',
    consequence:
      'Nothing was written. Let that session end, then run it again, or set ' +
      'WEAVER_STATEMENT_LOCK_TIMEOUT to more seconds.',
  });
}

async function writeBackup(
  config: Config,
  io: CommandIo,
  partial: PartialFile,
  options: BackupOptions,
  context: BackupContext,
): Promise<BackupResult> {
  const { database: target } = config;
  if (options.portable) return writeRows(config, target, partial, options, context);
  if (target.kind === 'postgres')
    return dumpAndVerify(config, io, target.ownerAddress, partial, options, context);
  const counts = await withDatabase(config, 'migrate', database =>
    writeArchive(database, partial, context),
  );
  if (options.check === false) return { counts, verification: undefined };
  context.report('opening the copy');
  refuseDifferences(counts, await countsInArchive(partial.path, ENTITIES, context.signal));
  return { counts, verification: 'it was opened in memory' };
}

async function writeRows(
  config: Config,
  target: DatabaseConfig,
  partial: PartialFile,
  { check }: BackupOptions,
  context: BackupContext,
): Promise<BackupResult> {
  const { counts, totals } =
    target.kind === 'embedded'
      ? await withDatabase(config, 'migrate', database =>
          backupEmbeddedRows(database, partial, context),
        )
      : await backupPostgresRows(
          await addressThatSeesRows(target, context.signal),
          partial,
          config.statementLockMs,
          context,
        );
  if (check === false) return { counts, verification: undefined };
  const actual = await checkPortable(partial.path, context);
  refuseDifferences(counts, actual.counts);
  if (JSON.stringify(actual.totals) !== JSON.stringify(totals))
    throw new StartupError('The file does not contain what was written to it.');
  return { counts, verification: 'each table was read from it and compared' };
}

/** The owner of the tables sees no rows, and then the gateway's own login does. */
async function addressThatSeesRows(
  { address, ownerAddress }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  signal: AbortSignal,
): Promise<DatabaseAddress> {
  if (isSameAddress(address, ownerAddress)) return ownerAddress;
  return (await inSession(ownerAddress, signal, rowVisibility)) === undefined
    ? address
    : ownerAddress;
}

async function dumpAndVerify(
  config: Config,
  io: CommandIo,
  address: DatabaseAddress,
  partial: PartialFile,
  { check = true, onlyWeaver = false }: BackupOptions,
  context: BackupContext,
): Promise<BackupResult> {
  const { serverVersion } = await withDatabase(config, 'migrate', async database => {
    const facts = await serverFacts(database);
    refuseRestrictedLogin(facts);
    return facts;
  });
  return inSession(address, context.signal, async session => {
    await dropStaleScratchDatabases(session.run, (name, dropped) =>
      io.say(
        dropped
          ? `Dropped the database ${name}, which an interrupted backup had left with a ` +
              'copy of all rows.'
          : `The database ${name} was left by an interrupted backup and contains a copy of all ` +
              'rows. Its owner can drop it.',
      ),
    );
    const counts = await dumpPostgres(
      session,
      address,
      serverVersion,
      partial,
      { onlyWeaver, withCounts: check, lockWaitMs: config.statementLockMs },
      context,
    );
    if (!check) return { counts, verification: undefined };
    return {
      counts,
      verification: await verifyDump(
        session,
        address,
        serverVersion,
        partial.path,
        counts,
        context,
      ),
    };
  });
}

/**
 * Restores Weaver's own tables into a database that is made for it and dropped again, where the
 * login may make one. What others keep beside them may need roles, extensions or settings that only
 * its own database has: those rows are read out of the file.
 */
async function verifyDump(
  session: Session,
  address: DatabaseAddress,
  serverVersion: number,
  file: string,
  counts: Counts,
  context: BackupContext,
): Promise<string> {
  const entries = await dumpEntries(file, context);
  if (!(await canCreateDatabases(session.run))) {
    refuseDifferences(counts, await countsInDump(file, entries, context));
    return 'they were counted in the file, because this login may not create databases here';
  }
  const weaverTables = await weaverEntries(file, entries, context);
  const restoredCounts = new Set(
    weaverTables.filter(({ type }) => type === 'TABLE').map(({ rest }) => rest.split(' ', 1)[0]!),
  );
  const [own, otherEntries] = [new Map<string, number>(), new Map<string, number>()];
  for (const [table, rows] of counts)
    (restoredCounts.has(formatTableName(table)) && table.startsWith('"public".')
      ? own
      : otherEntries
    ).set(table, rows);
  if (otherEntries.size > 0)
    refuseDifferences(
      otherEntries,
      await countsInDump(
        file,
        entries.filter(entry => entry.type !== 'TABLE DATA' || !weaverTables.includes(entry)),
        context,
      ),
    );
  if (own.size === 0) return 'they were counted in the file';
  await inScratchDatabase(session, address, context.signal, async scratch => {
    const target = await inSession(scratch, context.signal, ({ run }) => readTarget(run));
    await restoreDump(
      scratch,
      file,
      { ...target, serverVersion },
      restorableEntries(target, weaverTables),
      { clean: false, counts: own, makeExtensions: false, lockWaitMs: 0 },
      context,
    );
  });
  return otherEntries.size > 0
    ? "Weaver's tables were restored into a scratch database, and other rows counted in the file"
    : 'it was restored into a scratch database';
}

function refuseDifferences(expected: Counts, actual: Counts): void {
  const differing = differences(expected, actual);
  if (differing.length > 0)
    throw new StartupError(
      `The file does not match the database and was not kept. ${differing.join('; ')}.`,
    );
}
