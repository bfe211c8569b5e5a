import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { PgliteConnection } from '@mikro-orm/pglite';
import { StartupError } from '../../base/startup-error.js';
import { lockDataFolder } from '../../db/open/data-folder-lock.js';
import { BEFORE_RESTORE, RESTORING } from '../../db/open/embedded-folder.js';
import { unusableFolder } from '../../db/open/unusable-folder.js';
import { Database } from '../../db/database.js';
import { IN_MEMORY, type EntityClasses } from '../../db/open/database-options.js';
import type { PartialFile } from './backup-file.js';
import { ARCHIVED_TABLES, countTables, type Counts } from './counts.js';
import { fileError } from '../../base/file-errors.js';
import { RestoreLeftover } from './restore-leftover.js';
import { gunzip, gunzipError } from './gunzip.js';
import type { BackupContext } from './backup-context.js';

/** Rows of every logged table of the embedded database, whose only session no policy holds. */
export async function countsOfEmbedded(database: Database): Promise<Counts> {
  const run = <R>(sql: string): Promise<R[]> =>
    database.orm.em.getDriver().getConnection().execute(sql);
  return countTables(run, await run(ARCHIVED_TABLES));
}

/** Writes the embedded database into a compressed archive of its files. */
export async function writeArchive(
  database: Database,
  partial: PartialFile,
  { report, signal }: BackupContext,
): Promise<Counts> {
  const counts = await countsOfEmbedded(database);
  report('writing the archive');
  const pglite = (await (
    database.orm.em.getDriver().getConnection() as PgliteConnection
  ).getNativeClient()) as PGlite;
  const archive = await pglite.dumpDataDir('gzip');
  signal.throwIfAborted();
  await pipeline(Readable.fromWeb(archive.stream() as never), partial.write, { signal });
  return counts;
}

/**
 * The files of an archive as PGlite takes them. Unpacked here: PGlite would throw what is wrong
 * with it where nobody can catch it.
 */
async function readArchive(file: string, signal: AbortSignal): Promise<Blob> {
  const files = await buffer(gunzip(file, signal)).catch(error => {
    signal.throwIfAborted();
    throw gunzipError(error, file);
  });
  if (files.length < 1_024 || files.toString('latin1', 257, 262) !== 'ustar')
    throw new StartupError(`${file} is no backup that "weaver db backup" wrote.`);
  return new Blob([files as Buffer<ArrayBuffer>]);
}

async function openArchive(
  file: string,
  entities: EntityClasses,
  signal: AbortSignal,
  dataDir: string,
): Promise<Database> {
  const image = await readArchive(file, signal);
  return Database.open({ kind: 'embedded', dataDir }, entities, 'migrate', image).catch(error => {
    if (error instanceof StartupError) throw error;
    const refused = unusableFolder(dirname(dataDir), error);
    if (refused) throw refused;
    throw new StartupError(
      `${file} is no backup of an embedded database of this version, or it is damaged.`,
      {
        cause: error,
      },
    );
  });
}

/** Rows in an archive, opened in memory. */
export async function countsInArchive(
  file: string,
  entities: EntityClasses,
  signal: AbortSignal,
): Promise<Counts> {
  const database = await openArchive(file, entities, signal, IN_MEMORY);
  return countsOfEmbedded(database).finally(() => database.close());
}

/** Makes an embedded database of an archive in `dataDir`. */
export async function unpackArchive(
  file: string,
  entities: EntityClasses,
  signal: AbortSignal,
  dataDir: string,
): Promise<Counts> {
  const database = await openArchive(file, entities, signal, dataDir);
  return countsOfEmbedded(database).finally(() => database.close());
}

/**
 * Lets `fill` make an embedded database beside that of `dataDir`, and puts it in its place. The
 * former files are kept; gives where. `removed` is told of what a restore left that was killed.
 */
export async function replaceEmbedded<T>(
  dataDir: string,
  signal: AbortSignal,
  fill: (staging: string) => Promise<T>,
  removed: (path: string) => void,
): Promise<{ result: T; previousFolder: string | undefined }> {
  const staging = join(dataDir, RESTORING);
  const lock = lockDataFolder(dataDir);
  try {
    if (existsSync(staging)) {
      rmSync(staging, { recursive: true });
      removed(staging);
    }
    mkdirSync(staging, { mode: 0o700 });
    const result = await fill(staging);
    signal.throwIfAborted();
    const cluster = join(dataDir, 'pg');
    chmodSync(join(staging, 'pg'), 0o700);
    const previousFolder = existsSync(cluster)
      ? join(dataDir, `${BEFORE_RESTORE}${new Date().toISOString().replace(/\D/g, '')}`)
      : undefined;
    if (previousFolder) renameSync(cluster, previousFolder);
    try {
      renameSync(join(staging, 'pg'), cluster);
    } catch (error) {
      if (previousFolder) putBack(previousFolder, cluster, error);
      throw error;
    }
    return { result, previousFolder };
  } catch (error) {
    throw fileError(error, staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
    lock.release();
  }
}

function putBack(previousFolder: string, cluster: string, why: unknown): void {
  try {
    renameSync(previousFolder, cluster);
  } catch {
    throw new RestoreLeftover(
      `the former database is in ${previousFolder}. Rename that folder to ${cluster}, or restore ` +
        'again',
      // The system's own words name two paths and no reason.
      new StartupError((fileError(why, cluster) as Error).message),
    );
  }
}
