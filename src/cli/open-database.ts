import { StartupError } from '../base/startup-error.js';
import type { Config, DatabaseConfig } from '../config.js';
import { connectionError, reason } from '../db/connection-errors.js';
import { Database } from '../db/database.js';
import { ENTITIES } from '../entities.js';

/** Opens the configured database, or throws a `StartupError` that says what to do. Close it when done. */
export async function openDatabase(config: Config, purpose: 'serve' | 'migrate' = 'serve'): Promise<Database> {
  try {
    return await Database.open(config.database, ENTITIES, purpose);
  } catch (error) {
    throw openingError(error, config.database, purpose);
  }
}

/** `error`, met while opening the database, with what to do about it. */
export function openingError(error: unknown, database: DatabaseConfig, purpose: 'serve' | 'migrate'): unknown {
  if (error instanceof StartupError) return error;
  if (database.kind === 'embedded') {
    return new StartupError(
      `The embedded database in ${database.dataDir} cannot be opened: ${reason(error)}. If its files are damaged, put a copy in their place, or delete the folder to start anew.`,
      { cause: error },
    );
  }
  const migrating = purpose === 'migrate' && database.migrationUrl !== database.url;
  return connectionError(error, migrating ? database.migrationUrl : database.url, migrating ? 'WEAVER_MIGRATION_URL' : 'DATABASE_URL') ?? error;
}

/** Opens the database for `work` and closes it afterwards, whatever happened. */
export async function withDatabase<T>(config: Config, purpose: 'serve' | 'migrate', work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(config, purpose);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** The database in words: which, where, and as whom. */
export function describeDatabase(database: DatabaseConfig, purpose: 'serve' | 'migrate'): string {
  if (database.kind === 'embedded') return `the embedded database in ${database.dataDir}`;
  const url = new URL(purpose === 'migrate' ? database.migrationUrl : database.url);
  return `database ${decodeURIComponent(url.pathname.slice(1)) || '(default)'} on ${url.hostname || 'localhost'}:${url.port || 5432}, as ${decodeURIComponent(url.username) || '(default)'}`;
}
