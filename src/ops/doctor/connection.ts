import { isIP, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { PostgreSqlConnection } from '@mikro-orm/postgresql';
import type { PoolClient } from 'pg';
import type { DatabaseAddress } from '../../config/database-address.js';
import { encryptionOf, hostName, type Encryption } from '../../db/open/connection-options.js';
import type { Database } from '../../db/database.js';
import { ok, warn, type Finding } from './finding.js';

const CHECKED: Record<Encryption, string> = {
  none: '',
  unchecked: "the server's certificate is not checked: sslmode=verify-full does that",
  authority:
    "the server's certificate is checked for its authority, not for its name: " +
    'sslmode=verify-full does both',
  'authority and name': "the server's certificate is checked for its name",
};

/**
 * Whether somebody on the way could read what the gateway and its server send to each other: looked
 * up at the gateway's own end of a connection, so that it holds with a pooler between, too.
 */
export async function examineConnection(
  database: Database,
  address: DatabaseAddress,
): Promise<Finding> {
  const protocol = await tlsVersion(database);
  if (protocol !== undefined)
    return ok(
      `The connection is encrypted (${protocol}), and ${CHECKED[await encryptionOf(address)]}`,
    );
  const host = hostName(address);
  if (host.startsWith('/')) return ok('The connection is a socket of this machine');
  if (isLoopback(address.hostAddress ?? host))
    return ok('The connection is not encrypted, and does not leave this machine');
  return warn(
    `The connection to ${host} is not encrypted: passwords, texts and vectors cross the ` +
      'network in the clear.',
    'Encrypt the server\'s connections, and add "?sslmode=verify-full" to the address ' +
      '(docs/operations.md).',
  );
}

async function tlsVersion(database: Database): Promise<string | undefined> {
  const pool = await (
    database.orm.em.getDriver().getConnection() as PostgreSqlConnection
  ).getNativeClient();
  const client = await pool.connect();
  try {
    const { stream } = (client as PoolClient & { readonly connection: { readonly stream: Socket } })
      .connection;
    return stream instanceof TLSSocket ? (stream.getProtocol() ?? 'TLS') : undefined;
  } finally {
    client.release();
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
