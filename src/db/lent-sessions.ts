import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Pool, type PoolClient } from 'pg';
import { serverProcess } from './server-process.js';

const CANCEL_EVERY_MS = 200;

/**
 * The sessions that a pool lends, all but one of them. Make it before the pool lends what is to be
 * ended.
 */
export class LentSessions {
  readonly #lent = new Set<PoolClient>();
  readonly #lend = (client: PoolClient): void => void this.#lent.add(client);
  readonly #takeBack = (_error: unknown, client: PoolClient): void =>
    void this.#lent.delete(client);

  constructor(
    private readonly pool: Pool,
    private readonly except?: PoolClient,
  ) {
    pool.on('acquire', this.#lend).on('release', this.#takeBack);
  }

  /**
   * Ends them on the server, whatever they are doing, and here, where that cannot be told to the
   * server.
   */
  async end(): Promise<void> {
    const clients = [...this.#lent].filter(client => client !== this.except);
    const pids = clients.flatMap(client => serverProcess(client) ?? []);
    await besides(this.pool, other =>
      other.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [pids]),
    ).catch(() => {});
    // What a pool lends is a client, and `end` cuts one whose statement runs.
    for (const client of clients) (client as unknown as Client).end(() => {});
  }

  forget(): void {
    this.pool.off('acquire', this.#lend).off('release', this.#takeBack);
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
    cancelling = besides(pool, async client => {
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

/** A connection like those of a pool, which may have none to spare. */
async function besides<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectLike(pool);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

export async function connectLike({ options }: Pool): Promise<Client> {
  const Driver = (options as { Client?: typeof Client }).Client ?? Client;
  const client = new Driver(options);
  client.on('error', () => {});
  await client.connect();
  return client;
}
