import { AppError } from '../base/app-error.js';
import { StartupError } from '../base/startup-error.js';
import { serverName, type DatabaseAddress } from '../config/database-address.js';
import { isDatabaseUnreachable, sqlState } from '../db/database-errors.js';

/** SQLSTATE codes that a server gives instead of a connection. */
const WRONG_LOGIN = /^28/;
const NO_SUCH_DATABASE = '3D000';
const NO_RIGHT_TO_CONNECT = '42501';
const TOO_MANY_CONNECTIONS = '53300';

/**
 * What Node says of a server's certificate that no known authority has signed, and of others that
 * it does not take: https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
const OF_CERTIFICATE = /^(CERT|CRL|UNABLE_TO)_/;
/** The driver's word for a server that answers that it does not encrypt. */
const NOT_ENCRYPTED = /does not support SSL/;

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
  const withReason = reason(error);
  const fail = (message: string): StartupError => new StartupError(message, { cause: error });
  if (code && WRONG_LOGIN.test(code) && /no encryption|SSL off/.test(withReason)) {
    return fail(
      `${server} refuses the login ${login} on a connection that is not encrypted: ` +
        `${withReason}. Add sslmode=require, or better sslmode=verify-full, to ${variable}.`,
    );
  }
  if (code && WRONG_LOGIN.test(code))
    return fail(
      `${server} refuses the login ${login}: ${withReason}. Check user and password in ` +
        `${variable}.`,
    );
  // The driver's word for a password that is asked for and was not given.
  if (/^SASL: .* password must be a string/.test(withReason))
    return fail(`${server} wants a password of the login ${login}, and ${variable} has none.`);
  if (withReason.startsWith('SASL'))
    return fail(
      `${server} refuses the login ${login}: ${withReason}. Check user and password in ` +
        `${variable}.`,
    );
  if (code === NO_SUCH_DATABASE)
    return fail(
      `${server} has no database ${database}. Create it, for example with "createdb ` +
        `${database}", or correct ${variable}.`,
    );
  if (code === NO_RIGHT_TO_CONNECT)
    return fail(
      `${server} does not let ${login} into the database ${database}: ${withReason}. ` +
        '"weaver db bootstrap" grants it.',
    );
  if (code === TOO_MANY_CONNECTIONS)
    return fail(
      `${server} takes no more connections: ${withReason}. Lower DATABASE_POOL_SIZE or ` +
        "raise the server's max_connections.",
    );
  const tls = tlsTrouble(error, address, variable);
  if (tls !== undefined) return fail(tls);
  if (isDatabaseUnreachable(error))
    return fail(
      `${server} cannot be reached: ${withReason}. Check ${variable} and that the server ` +
        'is running.',
    );
  const state = sqlState(error);
  if (state !== undefined)
    return fail(
      `${server} does not start a session for ${login}: ${withReason} (SQLSTATE ${state}). Check ` +
        `${variable}, what it says in "options", and the settings of the login.`,
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

/** The names that a certificate is for, as Node's error carries it. */
function subjectNames(error: unknown): string {
  const { cert, cause } = (error ?? {}) as {
    cert?: { subject?: { CN?: string }; subjectaltname?: string };
    cause?: unknown;
  };
  if (cert === undefined) return cause === undefined || cause === error ? '' : subjectNames(cause);
  return cert.subjectaltname ?? (cert.subject?.CN === undefined ? '' : `CN ${cert.subject.CN}`);
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}

/**
 * What is wrong with the encryption, as a sentence: the server is there, so it is not said that it
 * cannot be reached.
 */
function tlsTrouble(
  error: unknown,
  address: DatabaseAddress,
  variable: string,
): string | undefined {
  const server = serverName(address);
  const withReason = reason(error);
  const code = codeOf(error) ?? '';
  if (UNKNOWN_AUTHORITY.has(code)) {
    const { sslrootcert } = address.parameters;
    const known =
      sslrootcert === 'system'
        ? 'an authority that this system knows'
        : sslrootcert === undefined
          ? 'the authority in ~/.postgresql/root.crt'
          : `the authority in ${sslrootcert}`;
    return (
      `The certificate of ${server} is not signed by ${known}: somebody else may be ` +
      'answering in its place. Name the file of the authority that signs it in sslrootcert ' +
      `of ${variable}.`
    );
  }
  if (code === OTHER_NAME) {
    const names = subjectNames(error);
    return (
      `The certificate of ${server} is for ` +
      `${names ? `other names: ${names}` : 'another name'}. Use a name that it has as the ` +
      `host in ${variable}, or sslmode=verify-ca, which does not compare names.`
    );
  }
  if (code === 'CERT_HAS_EXPIRED')
    return (
      `The certificate of ${server}, or of the authority that signed it, has expired. ` +
      'Renew it on the server.'
    );
  if (OF_CERTIFICATE.test(code))
    return (
      `The certificate of ${server} cannot be trusted: ${withReason}. Check it, and what ` +
      `${variable} says of certificates.`
    );
  if (NOT_ENCRYPTED.test(withReason))
    return (
      `${server} does not encrypt, and sslmode in ${variable} asks for it: ${withReason}. ` +
      'Turn on ssl in the server, or check that this is the server that you mean.'
    );
  if (/\b(SSL|TLS|PEM|X\.?509|certificate)\b/i.test(withReason))
    return (
      `No encrypted connection to ${server} can be made: ${withReason}. Check the server's ` +
      `TLS, and what ${variable} says of certificates and TLS versions.`
    );
  return undefined;
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

/** Class 22 of SQLSTATE: the message of a value that does not fit quotes the value. */
const ABOUT_A_VALUE = /^22/;
/** Between quotation marks of the language in which the server speaks. */
const QUOTED = /["«»„“”‚‘’].*["«»„“”‚‘’]/su;

/** The same without the value that the server quotes. */
export function reasonWithoutValues(error: unknown): string {
  return ABOUT_A_VALUE.test(sqlState(error) ?? '')
    ? reason(error).replace(QUOTED, '"…"')
    : reason(error);
}
