import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import { Database } from '../db/database.js';
import { DataFolderInUseError } from '../db/data-folder-lock.js';
import { isDatabaseUnreachable } from '../db/database-errors.js';
import { ENTITIES } from '../entities.js';

/** Opens the configured database, or throws a `StartupError` that says what to do. Close it when done. */
export async function openDatabase(config: Config, purpose: 'serve' | 'migrate' = 'serve'): Promise<Database> {
  try {
    return await Database.open(config.database, ENTITIES, purpose);
  } catch (error) {
    if (error instanceof DataFolderInUseError) throw new StartupError(error.message);
    if (config.database.kind === 'postgres' && isDatabaseUnreachable(error)) {
      const url = new URL(purpose === 'serve' ? config.database.url : config.database.migrationUrl);
      const variable = purpose === 'serve' ? 'DATABASE_URL' : 'WEAVER_MIGRATION_URL';
      throw new StartupError(
        `PostgreSQL at ${url.hostname}:${url.port || 5432}, database ${url.pathname.slice(1)}, login ${url.username || '(none)'} cannot be reached: ${reason(error)}. ` +
          `Check ${variable} and that the server is running.`,
        { cause: error },
      );
    }
    throw error;
  }
}

function reason(error: unknown): string {
  const { message, code, cause } = error as { message?: string; code?: string; cause?: unknown };
  if (message) return message.split('\n', 1)[0]!;
  return code ?? (cause ? reason(cause) : 'unknown reason');
}
