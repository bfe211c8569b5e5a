import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import { inCalendar } from '../db/calendar-times.js';
import { GATEWAY_SCOPE } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import { API_KEY_TIMES } from './api-key.entity.js';

/**
 * How often uses are written, and how exact `lastUsedAt` is: the row of a key is written at most
 * once in this time.
 */
const INTERVAL_MS = 60_000;

interface KeyUse {
  readonly tenantId: string;
  readonly at: number;
}

// Rows are locked in one order, and rows that others have locked are left for the next time, so
// that this never waits and never deadlocks. A key with a time that its constraint would refuse
// cannot be written, and must not prevent the others from being written.
const WRITE_USES = `
  with used as (
    select * from unnest($1::uuid[], $2::uuid[], $3::float8[]) as u(tenant_id, id, at)
  ), free as (
    select k.tenant_id, k.id, to_timestamp(u.at / 1000) as at
      from api_keys k join used u on k.tenant_id = u.tenant_id and k.id = u.id
     where (k.last_used_at is null
       or k.last_used_at < to_timestamp(u.at / 1000) - interval '30 seconds')
       and ${inCalendar(API_KEY_TIMES)}
     order by k.id for no key update of k skip locked
  )
  update api_keys k set last_used_at = free.at from free
   where k.tenant_id = free.tenant_id and k.id = free.id`;

/**
 * Records when keys were last used, without a write for each request: the last use of each key is
 * collected in memory, and all are written together once a minute and at the end. A process that is
 * killed loses the uses of at most a minute.
 */
export class KeyUsage {
  #usesByKey = new Map<string, KeyUse>();
  #writePromise: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
  ) {
    this.#timer = setInterval(() => void this.flush(), INTERVAL_MS);
    this.#timer.unref();
  }

  record(keyId: string, tenantId: string): void {
    this.#usesByKey.set(keyId, { tenantId, at: Date.now() });
  }

  /**
   * Writes the collected uses. It never fails: what could not be written is tried again with the
   * next.
   */
  async flush(): Promise<void> {
    await this.#writePromise;
    if (this.#usesByKey.size === 0) return;
    this.#writePromise = this.#write().finally(() => (this.#writePromise = undefined));
    await this.#writePromise;
  }

  async #write(): Promise<void> {
    const usesByKey = this.#usesByKey;
    this.#usesByKey = new Map();
    try {
      const list = [...usesByKey];
      const parameters = [
        list.map(([, { tenantId }]) => tenantId),
        list.map(([id]) => id),
        list.map(([, { at }]) => at),
      ];
      await this.database.write('keyUses', GATEWAY_SCOPE, em =>
        runInWrite(em, WRITE_USES, parameters),
      );
    } catch (error) {
      for (const [id, use] of usesByKey) if (!this.#usesByKey.has(id)) this.#usesByKey.set(id, use);
      this.log.warn(
        { err: error },
        'The last uses of keys could not be stored; this will be tried again',
      );
    }
  }

  /** Stops, and writes the collected uses. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}
