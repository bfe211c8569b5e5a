import type { Pool, PoolClient } from 'pg';

/** Whoever holds a connection gives it back within this time once it is lost, or never will. */
const GRACE_MS = 1_000;

/**
 * Takes lost connections from whoever holds them, so that the pool can open new ones in their place. MikroORM's transactions do not
 * give a connection back whose rollback fails as well: https://github.com/kysely-org/kysely/issues/1990. Without this, a server that
 * restarts often enough would leave the gateway with a pool that is full of the dead. Call it before the pool's first connection.
 */
export function takeBackLostConnections(pool: Pool): void {
  pool.on('connect', client => {
    client.once('end', () => setTimeout(() => takeBack(client), GRACE_MS).unref());
  });
}

function takeBack(client: PoolClient): void {
  try {
    client.release(true);
  } catch {
    return; // It has been given back.
  }
  client.release = () => {};
}
