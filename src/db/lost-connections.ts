import type { Pool, PoolClient } from 'pg';

/** Whoever holds a connection gives it back within this time once it is lost, or never will. */
const GRACE_MS = 1_000;

/**
 * Takes lost connections from whoever holds them, so that the pool can open new ones in their
 * place. MikroORM's transactions do not give a connection back whose rollback fails as well:
 * https://github.com/kysely-org/kysely/issues/1990. Without this, a server that restarts often
 * enough would leave the gateway with a pool that is full of the dead. Call it before the pool's
 * first connection.
 */
export function discardLostConnections(pool: Pool): void {
  const checkedOut = new Set<PoolClient>();
  pool.on('acquire', client => void checkedOut.add(client));
  pool.on('release', (_error, client) => void checkedOut.delete(client));
  pool.on('connect', client => {
    // Whoever holds it learns of its loss from a statement; an event that nobody hears would end
    // the process.
    client.on('error', () => {});
    client.once('end', () => {
      if (!checkedOut.has(client)) return;
      // Whoever closes the pool waits for this connection, and nothing else might keep the process
      // until then: the timer does.
      const timer = setTimeout(() => discard(client), GRACE_MS);
      const onRelease = (_error: unknown, released: PoolClient): void => {
        if (released !== client) return;
        clearTimeout(timer);
        pool.off('release', onRelease);
      };
      pool.on('release', onRelease);
    });
  });
}

function discard(client: PoolClient): void {
  try {
    client.release(true);
  } catch {
    return; // It has been given back.
  }
  client.release = () => {};
}
