import { StartupError } from '../../base/startup-error.js';
import { RestoreLeftover } from '../../ops/backup/restore-leftover.js';
import { MissingProgram } from '../../ops/backup/programs.js';
import { reason } from '../../ops/connection-errors.js';
import { isDatabaseUnreachable, sqlState } from '../../db/database-errors.js';
import { MigrationFailure } from '../../ops/migrations/failure.js';

/**
 * What the database, the file system or one of PostgreSQL's programs says, in one sentence without
 * anybody's values, and what is `consequence` after it. Any other error as it is.
 */
export function explainFailure(error: unknown, consequence: string): unknown {
  if (
    error instanceof MissingProgram ||
    error instanceof RestoreLeftover ||
    error instanceof MigrationFailure
  )
    return error;
  if (error instanceof StartupError)
    return statesConsequence(error.message)
      ? error
      : new StartupError(`${error.message} ${consequence}`, { cause: error });
  if (isDatabaseUnreachable(error))
    return new StartupError(
      `The connection to the database was lost: ${reason(error)}. ${consequence}`,
      {
        cause: error,
      },
    );
  return sqlState(error) === undefined
    ? error
    : new MigrationFailure('The database cannot go on', error, consequence);
}

function statesConsequence(message: string): boolean {
  return /(Nothing|nothing else) was (changed|written)|^Interrupted/.test(message);
}
