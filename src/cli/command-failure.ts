import { StartupError } from '../base/startup-error.js';
import { ConfigError } from '../config.js';
import { lostConnection, reason } from '../ops/connection-errors.js';
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

/** Class 22: the message of a value that does not fit quotes the value. */
const ABOUT_A_VALUE = /^22/;

/**
 * Codes of the system for a file or folder that cannot be used:
 * https://nodejs.org/api/errors.html#common-system-errors
 */
const OF_FILES: Readonly<Record<string, string>> = {
  EACCES: 'this user may not use it',
  EPERM: 'this user may not use it',
  EROFS: 'it is on a file system that cannot be written',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's disk quota is used up",
  ENOTDIR: 'a part of its path is a file',
  EISDIR: 'it is a folder',
  ENOENT: 'it is not there',
  EEXIST: 'something else has its name',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links lead in a circle',
  EIO: 'the disk cannot be read or written',
  EMFILE: 'too many files are open',
};

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
  const message = ABOUT_A_VALUE.test(code) ? reason(error).replace(/".*"/s, '"…"') : reason(error);
  const mend = MENDS.find(([pattern]) => pattern.test(code))?.[1] ?? '';
  return new StartupError(
    `The database refused a statement of the command: ${message} (SQLSTATE ${code}). ` +
      `Uncommitted changes are rolled back.${mend}`,
    { cause: error },
  );
}

function fileFailure(error: unknown): StartupError | undefined {
  const { code, path, syscall } = (error ?? {}) as {
    code?: unknown;
    path?: unknown;
    syscall?: unknown;
  };
  if (
    typeof code !== 'string' ||
    typeof path !== 'string' ||
    syscall === undefined ||
    syscall === 'connect' ||
    !Object.hasOwn(OF_FILES, code)
  )
    return undefined;
  return new StartupError(`${path} cannot be used: ${OF_FILES[code]} (${code}).`, { cause: error });
}
