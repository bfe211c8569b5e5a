import { AppError } from '../base/app-error.js';
import { StartupError } from '../base/startup-error.js';
import { serverName, type DatabaseAddress } from '../config/database-address.js';
import { isDatabaseUnreachable } from './database-errors.js';

/** SQLSTATE codes that a server gives instead of a connection. */
const WRONG_LOGIN = /^28/;
const NO_SUCH_DATABASE = '3D000';
const NO_RIGHT_TO_CONNECT = '42501';
const FULL = '53300';

/**
 * `error`, met while opening `address`, as a `StartupError` that says what to do; undefined where
 * it is of another kind. `variable` holds the address.
 */
export function connectionError(
  error: unknown,
  address: DatabaseAddress,
  variable: string,
): StartupError | undefined {
  const { database, user: login } = address;
  const server = serverName(address);
  const code = codeOf(error);
  const because = reason(error);
  const fail = (message: string): StartupError => new StartupError(message, { cause: error });
  if (code && WRONG_LOGIN.test(code) && /no encryption|SSL off/.test(because)) {
    return fail(
      `${server} refuses the login ${login} on a connection that is not encrypted: ` +
        `${because}. Add sslmode=require, or better sslmode=verify-full, to ${variable}.`,
    );
  }
  if (code && WRONG_LOGIN.test(code))
    return fail(
      `${server} refuses the login ${login}: ${because}. Check user and password in ${variable}.`,
    );
  // The driver's word for a password that is asked for and was not given.
  if (/^SASL: .* password must be a string/.test(because))
    return fail(`${server} wants a password of the login ${login}, and ${variable} has none.`);
  if (because.startsWith('SASL'))
    return fail(
      `${server} refuses the login ${login}: ${because}. Check user and password in ${variable}.`,
    );
  if (code === NO_SUCH_DATABASE)
    return fail(
      `${server} has no database ${database}. Create it, for example with "createdb ` +
        `${database}", or correct ${variable}.`,
    );
  if (code === NO_RIGHT_TO_CONNECT)
    return fail(
      `${server} does not let ${login} into the database ${database}: ${because}. ` +
        '"weaver db bootstrap" grants it.',
    );
  if (code === FULL)
    return fail(
      `${server} takes no more connections: ${because}. Lower DATABASE_POOL_SIZE or ` +
        "raise the server's max_connections.",
    );
  if (isDatabaseUnreachable(error) || isTlsTrouble(error))
    return fail(
      `${server} cannot be reached: ${because}. Check ${variable} and that the server is running.`,
    );
  return undefined;
}

/**
 * `error` as a `StartupError`, where it says that the connection was lost during a command's work;
 * undefined where it is of another kind.
 */
export function lostConnection(error: unknown): StartupError | undefined {
  // An embedding service that cannot be reached has the network's codes as well, under errors of
  // others.
  if (
    error instanceof AppError ||
    error instanceof StartupError ||
    error instanceof TypeError ||
    !isDatabaseUnreachable(error)
  )
    return undefined;
  return new StartupError(
    'The connection to the database was lost while the command was at work: ' +
      `${reason(error)}. The server rolls back what was not committed.`,
    { cause: error },
  );
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}

function isTlsTrouble(error: unknown): boolean {
  return /\b(SSL|TLS|certificate)\b/i.test(reason(error));
}

/** What went wrong, in one line and without statements. */
export function reason(error: unknown): string {
  const { message, code, cause, errors } = (error ?? {}) as {
    message?: string;
    code?: string;
    cause?: unknown;
    errors?: unknown[];
  };
  const inner = cause ?? errors?.[0];
  if (inner !== undefined && inner !== error) return reason(inner);
  return message?.split('\n', 1)[0]?.replace(/\.$/, '') || code || 'unknown reason';
}
