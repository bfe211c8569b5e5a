import type { Pool, PoolClient } from 'pg';
import { StartupError } from '../base/startup-error.js';
import type { Database } from '../db/database.js';
import { POOLER_HINT } from '../db/open/database-options.js';
import { poolOf } from './pool-of.js';

/**
 * Throws a `StartupError` if a pooler in transaction mode is between `client` and the server: the
 * client's locks and settings would stay on a connection of the server that others use.
 */
export async function refuseSharedSession(pool: Pool, client: PoolClient): Promise<void> {
  if (!(await sharesSession(pool, client))) return;
  throw new StartupError(
    'The connection leads to a pooler in transaction mode, through which this command ' +
      `cannot work. ${POOLER_HINT}`,
  );
}

/** The same for any client of the pool. */
export async function refuseSharedSessions(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await refuseSharedSession(pool, client);
  } finally {
    client.release();
  }
}

/**
 * Whether `client`, of a pool of at least two, has no session of its own: its process on the server
 * changes, or another connection has the same while both are open. Beside the traffic of others a
 * pooler may be missed; one that nobody else uses is always found.
 */
async function sharesSession(pool: Pool, client: PoolClient): Promise<boolean> {
  const other = await pool.connect();
  try {
    const backend = await backendPid(client);
    return backend !== (await backendPid(client)) || backend === (await backendPid(other));
  } finally {
    other.release();
  }
}

/**
 * Whether a pooler in transaction mode is found between the gateway and the server. Only on
 * PostgreSQL; with a pool of one connection it cannot be known, and the answer is no.
 */
export async function sharesSessions(database: Database): Promise<boolean> {
  const pool = await poolOf(database);
  if (pool.options.max < 2) return false;
  const client = await pool.connect();
  try {
    return await sharesSession(pool, client);
  } finally {
    client.release();
  }
}

async function backendPid(client: PoolClient): Promise<number> {
  return (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
}
