import { StartupError } from '../../base/startup-error.js';
import { MissingProgram } from '../../db/backup/programs.js';
import { reason } from '../../db/connection-errors.js';
import { isDatabaseUnreachable } from '../../db/database-errors.js';
import { sqlState } from '../../db/migrations/migration-failure.js';

/** What the database, the file system or one of PostgreSQL's programs says, in one sentence, and what is `left` after it. Any other error as it is. */
export function foreseen(error: unknown, left: string): unknown {
  if (error instanceof MissingProgram) return error;
  if (error instanceof StartupError) return new StartupError(endsWith(error.message, left) ? error.message : `${error.message} ${left}`, { cause: error });
  if (sqlState(error) === undefined && !isDatabaseUnreachable(error)) return error;
  const state = sqlState(error);
  return new StartupError(`The database could not do it: ${reason(error)}${state ? ` (SQLSTATE ${state})` : ''}. ${left}`, { cause: error });
}

/** What is left is said once. */
function endsWith(message: string, left: string): boolean {
  return message.includes(left) || /Nothing was (changed|written)|^Interrupted/.test(message);
}
