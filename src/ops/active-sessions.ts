import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Pool, type PoolClient } from 'pg';
import type { Database } from '../db/database.js';
import { serverProcess } from '../db/server-process.js';
import { poolOf } from './pool-of.js';

const CANCEL_EVERY_MS = 200;

/**
 * The sessions of a pool's clients that are in use, all but `except`. Create it before the clients
 * are acquired that it is to end.
 */
export class ActiveSessions {
  readonly #clients = new Set<PoolClient>();
  readonly #add = (client: PoolClient): void => void this.#clients.add(client);
  readonly #remove = (_error: unknown, client: PoolClient): void =>
    void this.#clients.delete(client);

  constructor(
    private readonly pool: Pool,
    private readonly except?: PoolClient,
  ) {
    pool.on('acquire', this.#add).on('release', this.#remove);
  }

  /** Ends them on the server, whatever they do, and closes their connections here. */
  async end(): Promise<void> {
    const clients = [...this.#clients].filter(client => client !== this.except);
    const pids = clients.flatMap(client => serverProcess(client) ?? []);
    await withOwnClient(this.pool, other =>
      other.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [pids]),
    ).catch(() => {});
    // A `PoolClient` is a `Client`, and `end` closes its connection although a statement runs.
    for (const client of clients) (client as unknown as Client).end(() => {});
  }

  forget(): void {
    this.pool.off('acquire', this.#add).off('release', this.#remove);
  }
}

/** `work`, whose statement in the session `pid` is cancelled when `signal` aborts meanwhile. */
export async function cancelledBy<T>(
  signal: AbortSignal | undefined,
  pool: Pool,
  pid: number,
  work: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  let cancelling: Promise<unknown> | undefined;
  const cancel = (): void => {
    cancelling = withOwnClient(pool, async client => {
      // Again: the first may come before the statement begins.
      while (!done.signal.aborted) {
        await client.query('select pg_cancel_backend($1)', [pid]);
        await sleep(CANCEL_EVERY_MS, undefined, { signal: done.signal }).catch(() => {});
      }
    }).catch(() => {});
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await work();
  } finally {
    done.abort();
    signal?.removeEventListener('abort', cancel);
    // So that none comes late and meets the next statement.
    await cancelling;
  }
}

/**
 * Runs `work` on a new connection with the pool's options, because all of the pool's may be in use.
 */
async function withOwnClient<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectOutside(pool);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

export async function connectOutside({ options }: Pool): Promise<Client> {
  const Driver = (options as { Client?: typeof Client }).Client ?? Client;
  const client = new Driver(options);
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Those of an open database; undefined for the embedded one, which has none. */
export async function activeSessionsOf(database: Database): Promise<ActiveSessions | undefined> {
  return database.kind === 'embedded' ? undefined : new ActiveSessions(await poolOf(database));
}

/**
 * Ends all statements of a database, also those that begin later, and rolls back what was not
 * committed. `Database.close` must follow.
 */
export async function stopDatabase(
  database: Database,
  sessions: ActiveSessions | undefined,
): Promise<void> {
  if (database.kind === 'embedded') return database.orm.close(true);
  await Promise.allSettled([database.orm.close(true), sessions?.end()]);
}
