import type { Pool, PoolClient } from 'pg';
import { StartupError } from '../../base/startup-error.js';

/**
 * For whoever would set or lock something for a session where a pooler in transaction mode lends
 * each transaction another one.
 */
const HINT = 'Set WEAVER_MIGRATION_URL to an address that leads to the server itself.';

export function poolerError(): StartupError {
  return new StartupError(
    'DATABASE_URL leads to a pooler in transaction mode (DATABASE_POOLER), through which ' +
      'this command cannot work, and WEAVER_MIGRATION_URL is not set or has the same ' +
      `address. ${HINT}`,
  );
}

/**
 * Throws a `StartupError` where `client` has no session of its own: its locks and settings would
 * stay on a connection of the server's that others get.
 */
export async function refuseSharedSession(pool: Pool, client: PoolClient): Promise<void> {
  if (!(await sharesSession(pool, client))) return;
  throw new StartupError(
    'The connection leads to a pooler in transaction mode, through which this command ' +
      `cannot work. ${HINT}`,
  );
}

/** The same of whatever the pool lends, for what is asked before anything else. */
export async function refuseSharedSessions(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await refuseSharedSession(pool, client);
  } finally {
    client.release();
  }
}

/**
 * Whether `client`, one of two connections of the pool at least, has no session of its own. That is
 * so when it changes, or when another connection has the same while both are open. No way to be
 * certain beside others' traffic, but a pooler that is used by nobody else is always found out.
 */
export async function sharesSession(pool: Pool, client: PoolClient): Promise<boolean> {
  const other = await pool.connect();
  try {
    const backend = await backendPid(client);
    return backend !== (await backendPid(client)) || backend === (await backendPid(other));
  } finally {
    other.release();
  }
}

async function backendPid(client: PoolClient): Promise<number> {
  return (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
}
