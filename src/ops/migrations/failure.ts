import { StartupError } from '../../base/startup-error.js';
import { lostConnection, reason, reasonWithoutValues } from '../connection-errors.js';
import { sqlState } from '../../db/database-errors.js';
import { withoutValues } from './read-sql.js';

/**
 * SQLSTATE codes: raised by a statement of ours; no right to do it; no writes; not installed on the
 * server.
 */
const RAISED = 'P0001';
const NOT_ALLOWED = '42501';
const READ_ONLY = '25006';
const NOT_INSTALLED = new Set(['0A000', '58P01']);
/** PostgreSQL says so of a file that an extension needs, and 0A000 of much else. */
const ABOUT_AN_EXTENSION = /\bextension\b/;
const MAX_SHOWN_LENGTH = 120;

/** A migration that failed, and what is left of the run. Its message holds no values. */
export class MigrationFailure extends StartupError {
  constructor(
    readonly what: string,
    cause: unknown,
    /** What became of the statements before it, as sentences. */
    readonly consequence: string,
  ) {
    super(`${what}: ${reasonOf(cause)}. ${consequence}${hintFor(cause)}`, { cause });
  }
}

/** What went wrong in a statement, as a clause. */
function reasonOf(error: unknown): string {
  const code = sqlState(error);
  const message = reasonWithoutValues(error);
  return code === undefined || code === RAISED
    ? message.replace(/\.$/, '')
    : `${message} (SQLSTATE ${code})`;
}

function hintFor(error: unknown): string {
  const code = sqlState(error);
  if (code === NOT_ALLOWED)
    return (
      ' Run "npx weaver db bootstrap" as a superuser first, and migrate as a login that ' +
      'may create tables (WEAVER_MIGRATION_URL).'
    );
  if (code === READ_ONLY)
    return (
      ' This server or login takes no writes, as a standby does: use the address of the ' +
      'primary.'
    );
  if (code && NOT_INSTALLED.has(code) && ABOUT_AN_EXTENSION.test(reason(error)))
    return " Install pgvector (0.8.2 or later) and PostgreSQL's contrib modules on the server.";
  return '';
}

/**
 * A failure of the database beside the statements of a migration, in one sentence; any other error
 * as it is.
 */
export function asMigrationFailure(error: unknown): unknown {
  if (error instanceof StartupError) return error;
  const connectionLoss = lostConnection(error);
  if (connectionLoss || sqlState(error) === undefined) return connectionLoss ?? error;
  return new MigrationFailure('The migrations cannot go on', error, 'What failed was rolled back.');
}

/**
 * The first line of a statement, short and with its values left out. `numbers`: those of any
 * statement, also of one about the catalogue.
 */
export async function firstLine(sql: string, numbers = false): Promise<string> {
  const line = (await withoutValues(sql, numbers)).trim().split('\n', 1)[0]!.trim();
  return line.length > MAX_SHOWN_LENGTH ? `${line.slice(0, MAX_SHOWN_LENGTH)}…` : line;
}
