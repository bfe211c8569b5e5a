import { fileErrorText } from '../base/file-errors.js';
import { StartupError } from '../base/startup-error.js';
import { ConfigError } from '../config.js';
import { lostConnection, reasonWithoutValues } from '../ops/connection-errors.js';
import { sqlState } from '../db/database-errors.js';

/**
 * What to do about what the database says, by its SQLSTATE:
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const MENDS: readonly (readonly [RegExp, string])[] = [
  [
    /^25006$/,
    ' A standby and a database with default_transaction_read_only take no writes: use ' +
      'the address of the primary.',
  ],
  [/^42501$/, ' "npx weaver db doctor" says what the login lacks.'],
  [
    /^(42P01|42703|42883|42704|3F000)$/,
    ' "npx weaver db check" says where the database differs from what the migrations make.',
  ],
  [/^53100$/, " The server's disk is full."],
  [/^55P03$/, ' Another session holds a lock. Run the command again when that session has ended.'],
  [
    /^57014$/,
    ' The time limit is statement_timeout, of the login, of the database or in the address.',
  ],
];

/**
 * `error`, met by a command, as a sentence where the surroundings are at fault: the database, its
 * connection, a file. Any other as it is, since that is a mistake of Weaver's own. No statement is
 * told: it may hold values.
 */
export function commandFailure(error: unknown): unknown {
  if (error instanceof StartupError || error instanceof ConfigError) return error;
  return lostConnection(error) ?? fileFailure(error) ?? refusal(error) ?? error;
}

function refusal(error: unknown): StartupError | undefined {
  const code = sqlState(error);
  if (code === undefined) return undefined;
  const mend = MENDS.find(([pattern]) => pattern.test(code))?.[1] ?? '';
  return new StartupError(
    `The database refused a statement of the command: ${reasonWithoutValues(error)} ` +
      `(SQLSTATE ${code}). Uncommitted changes are rolled back.${mend}`,
    { cause: error },
  );
}

function fileFailure(error: unknown): StartupError | undefined {
  const { path, syscall } = (error ?? {}) as { path?: unknown; syscall?: unknown };
  if (typeof path !== 'string' || syscall === undefined || syscall === 'connect') return undefined;
  const text = fileErrorText(error);
  return text === undefined
    ? undefined
    : new StartupError(`${path} cannot be used${text}.`, { cause: error });
}
