import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../base/startup-error.js';
import type { Config, DatabaseConfig } from '../config.js';
import { isSameAddress, serverName } from '../config/database-address.js';
import { activeSessionsOf, stopDatabase } from '../ops/active-sessions.js';
import { connectionError, reason } from '../ops/connection-errors.js';
import { Database } from '../db/database.js';
import { applyMigrations } from '../ops/migrations/run.js';
import { damagedFolder, refuseMissing } from '../db/open/embedded-folder.js';
import { unusableFolder } from '../db/open/unusable-folder.js';
import { checkServer } from '../ops/server-checks.js';
import { ENTITIES } from '../entities.js';

/**
 * Opens the configured database, or throws a `StartupError` that says what to do. Close it when
 * done.
 */
export async function openDatabase(
  config: Config,
  purpose: 'serve' | 'migrate' = 'serve',
): Promise<Database> {
  try {
    return await Database.open(config.database, ENTITIES, purpose);
  } catch (error) {
    throw openingError(error, config.database, purpose);
  }
}

/** `error`, met while opening the database, with what to do about it. */
export function openingError(
  error: unknown,
  database: DatabaseConfig,
  purpose: 'serve' | 'migrate',
): unknown {
  if (error instanceof StartupError) return error;
  if (database.kind === 'embedded')
    return (
      unusableFolder(database.dataDir, error) ?? damagedFolder(database.dataDir, reason(error))
    );
  const usesOwnerAddress =
    purpose === 'migrate' && !isSameAddress(database.ownerAddress, database.address);
  return (
    connectionError(
      error,
      usesOwnerAddress ? database.ownerAddress : database.address,
      usesOwnerAddress ? 'WEAVER_MIGRATION_URL' : 'DATABASE_URL',
    ) ?? error
  );
}

/**
 * Opens the database for `work` and closes it afterwards, whatever happened. Where `signal` aborts,
 * all that `work` has under way fails, and what was not committed is rolled back.
 */
export async function withDatabase<T>(
  config: Config,
  purpose: 'serve' | 'migrate',
  work: (database: Database) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const database = await openDatabase(config, purpose);
  let stopping: Promise<void> | undefined;
  const sessions = signal && (await activeSessionsOf(database));
  const stop = (): void => void (stopping = stopDatabase(database, sessions).catch(() => {}));
  try {
    signal?.throwIfAborted();
    signal?.addEventListener('abort', stop, { once: true });
    return await work(database);
  } finally {
    signal?.removeEventListener('abort', stop);
    await stopping;
    await database.close().catch(error => {
      if (!stopping) throw error;
    });
  }
}

/**
 * Opens a database whose data are to be used, as `serve` would: the embedded one is migrated, a
 * given one checked. Warnings are left to `serve` and `db doctor`.
 */
export async function withReadyDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const ready = async (database: Database): Promise<T> => {
    await (database.kind === 'embedded'
      ? applyMigrations(database)
      : checkServer(database, config.production));
    return work(database);
  };
  return withDatabase(config, 'serve', ready, signal);
}

/**
 * Whether there is an embedded database to open; true for PostgreSQL. Opening would make one.
 * Throws a `StartupError` where the system does not let this user see, or where a restore was
 * interrupted that had moved it aside.
 */
export function embeddedExists(database: DatabaseConfig): boolean {
  if (database.kind !== 'embedded' || clusterExists(database.dataDir)) return true;
  refuseMissing(join(database.dataDir, 'pg'));
  return false;
}

/** The same of its files, also where a restore was interrupted. */
export function clusterExists(dataDir: string): boolean {
  try {
    return lstatSync(join(dataDir, 'pg'), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw unusableFolder(dataDir, error) ?? error;
  }
}

/**
 * Refuses an embedded database that does not exist, for commands that have nothing to do with an
 * empty one.
 */
export function mustExist(database: DatabaseConfig): void {
  if (database.kind !== 'embedded' || embeddedExists(database)) return;
  throw new StartupError(
    `There is no embedded database in ${database.dataDir} yet. "npx weaver serve" creates it.`,
  );
}

/** The database in words: which, where, and as whom. */
export function describeDatabase(database: DatabaseConfig, purpose: 'serve' | 'migrate'): string {
  if (database.kind === 'embedded') return `the embedded database in ${database.dataDir}`;
  const address = purpose === 'migrate' ? database.ownerAddress : database.address;
  return `database ${address.database} of ${serverName(address)}, as ${address.user}`;
}
