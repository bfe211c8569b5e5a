/** SQLSTATE classes and codes of a server that is not there, going away, or full: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNREACHABLE = /^(08...|57P0[1235]|53300|28...|3D000)$/;
const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'EAI_AGAIN', 'ENETUNREACH']);

interface CodedError {
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
  message?: unknown;
}

/** Whether an error says that no connection to the database is to be had, rather than that a statement was wrong. */
export function isDatabaseUnreachable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, cause, errors, message } = error as CodedError;
  if (typeof code === 'string' && (UNREACHABLE.test(code) || NETWORK.has(code))) return true;
  // node-postgres reports a lost connection and an exhausted pool by message alone.
  if (typeof message === 'string' && /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(message)) return true;
  if (Array.isArray(errors) && errors.some(isDatabaseUnreachable)) return true;
  return cause !== undefined && cause !== error && isDatabaseUnreachable(cause);
}
