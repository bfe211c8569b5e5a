import { StartupError } from '../../base/startup-error.js';
import type { Config, DatabaseConfig } from '../../config.js';
import { isSameAddress, type DatabaseAddress } from '../../config/database-address.js';
import { countsInArchive, writeArchive } from '../../ops/backup/archive.js';
import { PartialFile, refuseExisting } from '../../ops/backup/backup-file.js';
import { differences, rowsInWords, tableInWords, type Counts } from '../../ops/backup/counts.js';
import { countsInDump, dumpEntries, weaversEntries } from '../../ops/backup/dump-contents.js';
import { dumpPostgres, refuseHeldLogin } from '../../ops/backup/dump.js';
import { fileError } from '../../ops/backup/file-errors.js';
import { backupEmbeddedRows } from '../../ops/backup/portable-embedded.js';
import { backupPostgresRows, maySeeAllRows } from '../../ops/backup/portable-postgres.js';
import { checkPortable } from '../../ops/backup/portable.js';
import { readTarget, restorableEntries, restoreDump } from '../../ops/backup/restore-dump.js';
import {
  dropLeftScratchDatabases,
  inScratchDatabase,
  mayCreateDatabases,
} from '../../ops/backup/scratch.js';
import { inSession, type Session } from '../../ops/backup/session.js';
import type { Work } from '../../ops/backup/work.js';
import { serverFacts } from '../../ops/server-checks.js';
import { ENTITIES } from '../../entities.js';
import type { CommandIo } from '../command-io.js';
import { untilInterrupted } from '../interruption.js';
import { describeDatabase, mustExist, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import { foreseen } from './backup-failure.js';

export interface BackupOptions {
  /** Whether the file is tried before it gets its name. */
  readonly check?: boolean;
  readonly onlyWeaver?: boolean;
  readonly portable?: boolean;
}

interface Made {
  readonly counts: Counts;
  /** How the file was tried; undefined: it was not. */
  readonly tried: string | undefined;
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
      '--only-weaver is for PostgreSQL: an archive of the embedded database holds all of ' +
        'its files. With --portable a file holds the rows of Weaver alone.',
    );
  }
  await refuseExisting(file);
  const progress = new Progress(io, 'Backing up');
  try {
    const { counts, tried } = await untilInterrupted('nothing was written', async signal => {
      const work = {
        tell: (doing: string) => progress.update(undefined, doing),
        signal,
        env: io.env,
      };
      const partial = await PartialFile.create(file, path =>
        io.say(`Removed ${path}, which a backup that was stopped had left.`),
      );
      try {
        const made = await write(config, io, partial, options, work);
        signal.throwIfAborted();
        await partial.keep();
        return made;
      } catch (error) {
        throw foreseen(fileError(error, partial.path), 'Nothing was written.');
      } finally {
        await partial.close();
      }
    });
    progress.end();
    io.out(`Wrote ${file}${counts.size > 0 ? `: ${rowsInWords(counts)}` : ''}.`);
    io.say(
      tried === undefined
        ? 'The file was not tried: whether it can be restored is not known (--no-check).'
        : `Its copy opens and has the same rows: ${tried}.`,
    );
    const contents = options.portable
      ? "The file holds the rows of Weaver's own tables, for either database."
      : 'Roles and passwords are not in it: they belong to the server.';
    io.say(`This is ${describeDatabase(target, 'migrate')}. ${contents}`);
  } finally {
    progress.end();
  }
}

async function write(
  config: Config,
  io: CommandIo,
  partial: PartialFile,
  options: BackupOptions,
  work: Work,
): Promise<Made> {
  const { database: target } = config;
  if (options.portable) return writeRows(config, target, partial, options, work);
  if (target.kind === 'postgres')
    return dumpAndTry(config, io, target.ownerAddress, partial, options, work);
  const counts = await withDatabase(config, 'migrate', database =>
    writeArchive(database, partial, work),
  );
  if (options.check === false) return { counts, tried: undefined };
  work.tell('opening the copy');
  refuseDifferences(counts, await countsInArchive(partial.path, ENTITIES, work.signal));
  return { counts, tried: 'opened in memory' };
}

async function writeRows(
  config: Config,
  target: DatabaseConfig,
  partial: PartialFile,
  { check }: BackupOptions,
  work: Work,
): Promise<Made> {
  const { counts, totals } =
    target.kind === 'embedded'
      ? await withDatabase(config, 'migrate', database =>
          backupEmbeddedRows(database, partial, work),
        )
      : await backupPostgresRows(await addressThatSeesRows(target, work.signal), partial, work);
  if (check === false) return { counts, tried: undefined };
  const found = await checkPortable(partial.path, work);
  refuseDifferences(counts, found.counts);
  if (JSON.stringify(found.totals) !== JSON.stringify(totals))
    throw new StartupError('The file does not hold what was written to it.');
  return { counts, tried: 'each table was read from the file and compared' };
}

/** The owner of the tables sees no rows, and then the gateway's own login does. */
async function addressThatSeesRows(
  { address, ownerAddress }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  signal: AbortSignal,
): Promise<DatabaseAddress> {
  if (isSameAddress(address, ownerAddress)) return ownerAddress;
  return (await inSession(ownerAddress, signal, maySeeAllRows)) === undefined
    ? address
    : ownerAddress;
}

async function dumpAndTry(
  config: Config,
  io: CommandIo,
  address: DatabaseAddress,
  partial: PartialFile,
  { check = true, onlyWeaver = false }: BackupOptions,
  work: Work,
): Promise<Made> {
  const { serverVersion } = await withDatabase(config, 'migrate', async database => {
    const facts = await serverFacts(database);
    refuseHeldLogin(facts);
    return facts;
  });
  return inSession(address, work.signal, async session => {
    await dropLeftScratchDatabases(session.run, (name, dropped) =>
      io.say(
        dropped
          ? `Dropped the database ${name}, which a backup that was stopped had left with a ` +
              'copy of all rows.'
          : `The database ${name} was left by a backup that was stopped, with a copy of ` +
              'all rows. Its owner can drop it.',
      ),
    );
    const counts = await dumpPostgres(
      session,
      address,
      serverVersion,
      partial,
      { onlyWeaver, counted: check },
      work,
    );
    if (!check) return { counts, tried: undefined };
    return {
      counts,
      tried: await tryDump(session, address, serverVersion, partial.path, counts, work),
    };
  });
}

/**
 * Restores Weaver's own tables into a database that is made for it and dropped again, where the
 * login may make one. What others keep beside them may need roles, extensions or settings that only
 * its own database has: those rows are read out of the file.
 */
async function tryDump(
  session: Session,
  address: DatabaseAddress,
  serverVersion: number,
  file: string,
  counts: Counts,
  work: Work,
): Promise<string> {
  const entries = await dumpEntries(file, work);
  if (!(await mayCreateDatabases(session.run))) {
    refuseDifferences(counts, await countsInDump(file, entries, work));
    return 'read from the file, since this login may not create databases here';
  }
  const weavers = await weaversEntries(file, entries, work);
  const restored = new Set(
    weavers.filter(({ type }) => type === 'TABLE').map(({ rest }) => rest.split(' ', 1)[0]!),
  );
  const [own, others] = [new Map<string, number>(), new Map<string, number>()];
  for (const [table, rows] of counts)
    (restored.has(tableInWords(table)) && table.startsWith('"public".') ? own : others).set(
      table,
      rows,
    );
  if (others.size > 0)
    refuseDifferences(
      others,
      await countsInDump(
        file,
        entries.filter(entry => entry.type !== 'TABLE DATA' || !weavers.includes(entry)),
        work,
      ),
    );
  if (own.size === 0) return 'read from the file';
  await inScratchDatabase(session, address, work.signal, async scratch => {
    const target = await inSession(scratch, work.signal, ({ run }) => readTarget(run));
    await restoreDump(
      scratch,
      file,
      { ...target, serverVersion },
      restorableEntries(target, weavers),
      { clean: false, counts: own, makeExtensions: false },
      work,
    );
  });
  return others.size > 0
    ? "restored into a scratch database, and what is not Weaver's read from the file"
    : 'restored into a scratch database';
}

function refuseDifferences(wanted: Counts, found: Counts): void {
  const wrong = differences(wanted, found);
  if (wrong.length > 0)
    throw new StartupError(
      `The file does not hold what the database does, and was not kept. ${wrong.join('; ')}.`,
    );
}
