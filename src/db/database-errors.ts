/**
 * SQLSTATE classes and codes of a server that is not there, going away, full, or tired of waiting
 * for us: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNREACHABLE = /^(08...|57P0[1-5]|25P03|53300|28...|3D000)$/;
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ENETUNREACH',
]);

/**
 * node-postgres reports a lost connection and a closed pool by message alone; so does the embedded
 * database that it was closed, and `ConnectionScheduler` that none was free.
 */
const MESSAGE_PREFIXES = [
  'Connection terminated',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
  'Client was closed',
  'Cannot use a pool after calling end',
  'PGlite is clos',
  'No connection to the database was free',
];
const BY_MESSAGE = new RegExp(`^(${MESSAGE_PREFIXES.join('|')})`);

/** SQLSTATE of a statement that took longer, or waited longer for a lock, than it may. */
const STATEMENT_TIMEOUT = '57014';
const LOCK_TIMEOUT = '55P03';

const SQLSTATE = /^[0-9A-Z]{5}$/;

interface CodedError {
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
  message?: unknown;
}

/**
 * Whether an error says that no connection to the database is to be had, rather than that a
 * statement was wrong.
 */
export function isDatabaseUnreachable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, cause, errors, message } = error as CodedError;
  if (typeof code === 'string' && (UNREACHABLE.test(code) || NETWORK.has(code))) return true;
  if (typeof message === 'string' && BY_MESSAGE.test(message)) return true;
  if (Array.isArray(errors) && errors.some(isDatabaseUnreachable)) return true;
  return cause !== undefined && cause !== error && isDatabaseUnreachable(cause);
}

/** Which of its times a statement has used up; undefined for any other error. */
export function exceededTime(error: unknown): 'statement' | 'lock' | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as CodedError;
  if (code === STATEMENT_TIMEOUT) return 'statement';
  if (code === LOCK_TIMEOUT) return 'lock';
  return cause === undefined || cause === error ? undefined : exceededTime(cause);
}

/**
 * The SQLSTATE of an error that the database gave for a statement; undefined for errors of others.
 */
export function sqlState(error: unknown): string | undefined {
  const { code } = (error ?? {}) as CodedError;
  return typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
}
