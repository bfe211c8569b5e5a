import { existsSync } from 'node:fs';
import { connect, isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  checkServerIdentity,
  getCACertificates,
  type ConnectionOptions as TlsOptions,
  type SecureVersion,
} from 'node:tls';
import type { ClientBase, ClientConfig } from 'pg';
import { fileErrorText, readRegularFile } from '../../base/file-errors.js';
import { StartupError } from '../../base/startup-error.js';
import { serverName, type DatabaseAddress } from '../../config/database-address.js';
import { ChannelBindingClient } from './channel-binding-client.js';

/** What the driver needs for a connection to an address. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly dbName: string;
  /** Of `pg`'s pool: https://node-postgres.com/apis/pool */
  readonly driverOptions: ClientConfig & {
    Client?: typeof ChannelBindingClient;
    onConnect?: (client: ClientBase) => Promise<void>;
  };
}

/** What sslmode means for one server: resolved, `prefer` is one of the others. */
export type Encryption = 'none' | 'unchecked' | 'authority' | 'authority and name';

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
/** libpq takes shorter times for this one. */
const MIN_CONNECT_TIMEOUT_MS = 2_000;

/** Folders in which a server of this machine has its socket, where an address names no host. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

/**
 * The driver's options for `address`. Asks the server whether it encrypts, where sslmode leaves
 * that to it. Throws a `StartupError` for certificate files that cannot be used, or the socket's
 * error.
 */
export async function connectionOptions(
  address: DatabaseAddress,
  applicationName = 'weaver',
): Promise<ConnectionOptions> {
  const { port, user, password, database, parameters } = address;
  const host = hostName(address);
  const encryption = await encryptionOf(address);
  return {
    host: address.hostAddress ?? host,
    port,
    user,
    password,
    dbName: database,
    driverOptions: {
      ssl: encryption === 'none' ? false : tlsOptions(parameters, host, encryption),
      application_name:
        parameters.application_name ?? parameters.fallback_application_name ?? applicationName,
      connectionTimeoutMillis: connectTimeoutMs(parameters.connect_timeout),
      keepAlive: parameters.keepalives !== '0',
      ...(Number(parameters.keepalives_idle) > 0 && {
        keepAliveInitialDelayMillis: Number(parameters.keepalives_idle) * 1_000,
      }),
      ...(parameters.options !== undefined && { options: parameters.options }),
      ...(parameters.sslnegotiation !== undefined &&
        encryption !== 'none' && { sslnegotiation: parameters.sslnegotiation }),
      ...(parameters.channel_binding === 'prefer' && { enableChannelBinding: true }),
      ...(parameters.channel_binding === 'require' && {
        enableChannelBinding: true,
        Client: ChannelBindingClient,
      }),
      ...(['read-write', 'primary'].includes(parameters.target_session_attrs ?? '') && {
        onConnect: client => refuseReadOnly(client, address),
      }),
    },
  };
}

/**
 * The host to connect to: an address without one means this machine, by its socket where there is
 * one.
 */
export function hostName({ host, hostAddress, port }: DatabaseAddress): string {
  return (
    host ??
    hostAddress ??
    SOCKET_FOLDERS.find(folder => existsSync(join(folder, `.s.PGSQL.${port}`))) ??
    'localhost'
  );
}

/**
 * How connections to `address` are encrypted, by libpq's rules:
 * https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export async function encryptionOf(address: DatabaseAddress): Promise<Encryption> {
  const {
    sslmode: mode = address.parameters.sslrootcert === 'system' ? 'verify-full' : 'prefer',
    sslrootcert,
  } = address.parameters;
  // A socket never leaves the machine, and the server never encrypts it.
  if (mode === 'disable' || hostName(address).startsWith('/')) return 'none';
  if (sslrootcert === 'system' && mode !== 'verify-full')
    throw new StartupError(
      'sslrootcert=system requires sslmode=verify-full, because anybody can get a ' +
        `certificate from a public authority. sslmode is ${mode}.`,
    );
  if (mode === 'verify-full') return 'authority and name';
  if (mode === 'verify-ca') return 'authority';
  if (mode === 'prefer' && !(await offersTls(address))) return 'none';
  // With an authority named, "require" checks for it.
  return mode === 'require' && authorityFile(address.parameters) ? 'authority' : 'unchecked';
}

function tlsOptions(
  parameters: DatabaseAddress['parameters'],
  host: string,
  encryption: Encryption,
): TlsOptions {
  const {
    sslcert = defaultFile('postgresql.crt'),
    sslcrl = defaultFile('root.crl'),
    ssl_min_protocol_version: minVersion = 'TLSv1.2',
    ssl_max_protocol_version: maxVersion,
  } = parameters;
  // A key alone signs nothing.
  const sslkey = parameters.sslkey ?? (sslcert && defaultFile('postgresql.key'));
  return {
    rejectUnauthorized: encryption !== 'unchecked',
    ...(encryption !== 'unchecked' && { ca: authorities(parameters, encryption) }),
    // The driver hands over no name for an IP address, and Node would compare with "localhost"
    // then.
    checkServerIdentity: (_name, certificate) =>
      encryption === 'authority and name' ? checkServerIdentity(host, certificate) : undefined,
    ...(isIP(host) === 0 && { servername: host }),
    ...(sslcert && {
      cert: readCertificateFile('sslcert', sslcert),
      key: readCertificateFile('sslkey', sslkey ?? sslcert),
    }),
    ...(sslcrl && encryption !== 'unchecked' && { crl: readCertificateFile('sslcrl', sslcrl) }),
    minVersion: minVersion as SecureVersion,
    ...(maxVersion !== undefined && { maxVersion: maxVersion as SecureVersion }),
  };
}

function authorities(
  parameters: DatabaseAddress['parameters'],
  encryption: Encryption,
): string | string[] {
  if (parameters.sslrootcert === 'system') return getCACertificates('system');
  const file = authorityFile(parameters);
  if (file) return readCertificateFile('sslrootcert', file);
  const mode = encryption === 'authority' ? 'verify-ca' : 'verify-full';
  const system =
    encryption === 'authority'
      ? ''
      : ", or use sslrootcert=system if a public authority signed the server's certificate";
  throw new StartupError(
    `sslmode=${mode} requires the certificate of the authority that signed the server's ` +
      `certificate: name its file in sslrootcert${system}.`,
  );
}

function authorityFile({ sslrootcert }: DatabaseAddress['parameters']): string | undefined {
  return sslrootcert ?? defaultFile('root.crt');
}

/** Where libpq looks when no file is named. */
function defaultFile(name: string): string | undefined {
  const file = join(homedir(), '.postgresql', name);
  return existsSync(file) ? file : undefined;
}

function readCertificateFile(parameter: string, file: string): string {
  let content: string;
  try {
    content = readRegularFile(file).toString('utf8');
  } catch (error) {
    throw new StartupError(
      `${parameter} names the file ${file}, which cannot be read${fileErrorText(error) ?? ''}.`,
      { cause: error },
    );
  }
  // Of such a file Node says nothing, and trusts nobody then.
  if (!content.includes('-----BEGIN '))
    throw new StartupError(
      `${parameter} names the file ${file}, which is not in PEM format: it has no line ` +
        'that begins with "-----BEGIN".',
    );
  return content;
}

function connectTimeoutMs(seconds: string | undefined): number {
  if (seconds === undefined) return DEFAULT_CONNECT_TIMEOUT_MS;
  const timeoutMs = Number(seconds) * 1_000;
  return timeoutMs <= 0 ? 0 : Math.max(timeoutMs, MIN_CONNECT_TIMEOUT_MS);
}

/** The message that asks whether a server encrypts: its length and a code, each of four bytes. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/**
 * Whether the server says so:
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
 */
async function offersTls(address: DatabaseAddress): Promise<boolean> {
  const socket = connect({ port: address.port, host: address.hostAddress ?? hostName(address) });
  socket.setTimeout(connectTimeoutMs(address.parameters.connect_timeout));
  try {
    return await new Promise<boolean>((resolve, reject) => {
      socket.once('connect', () => socket.write(SSL_REQUEST));
      socket.once('data', answer => resolve(answer.toString('latin1', 0, 1) === 'S'));
      socket.once('timeout', () => reject(new Error('timeout expired')));
      socket.once('close', () => reject(new Error('Connection terminated unexpectedly')));
      socket.on('error', reject);
    });
  } finally {
    socket.destroy();
  }
}

/**
 * For `target_session_attrs`: a server that was the primary and is no more must not be taken for
 * it.
 */
async function refuseReadOnly(client: ClientBase, address: DatabaseAddress): Promise<void> {
  const timeoutMs = address.parameters.target_session_attrs!;
  const { rows } = await client.query<{ standby: boolean; readOnly: boolean }>(
    'select pg_is_in_recovery() as standby, ' +
      `current_setting('default_transaction_read_only') = 'on' as "readOnly"`,
  );
  const { standby, readOnly } = rows[0]!;
  if (standby || (readOnly && timeoutMs === 'read-write')) {
    throw new StartupError(
      `${serverName(address)} is ${standby ? 'a standby' : 'read-only'}, and ` +
        `target_session_attrs asks for ${timeoutMs}.`,
    );
  }
}
