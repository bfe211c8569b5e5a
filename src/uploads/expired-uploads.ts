import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';

const INTERVAL_MS = 60_000;

/** Uploads that one transaction deletes: each has up to some hundred parts. */
const BATCH = 10;

// What somebody holds is in use, or another gateway deletes it. Of an ingested one nothing is
// deleted: its document may still be made.
const DELETE_EXPIRED = `
  delete from uploads where id = any(array(
    select id from uploads where expires_at <= now() and state <> 'ingested'
     order by expires_at limit ${BATCH} for update skip locked))
  returning 1`;

/** Deletes some uploads that have expired, with their bytes; gives how many. */
async function deleteSome(database: Database): Promise<number> {
  const deleted = await database.write('deleteExpiredUploads', OPERATOR_SCOPE, em =>
    runInWrite(em, DELETE_EXPIRED),
  );
  return deleted.length;
}

/** Deletes uploads that have expired, at the beginning and once a minute. */
export class ExpiredUploads {
  #sweep: Promise<void> | undefined;
  #isClosed = false;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly database: Database,
    private readonly log: Logger,
  ) {
    this.#timer = setInterval(() => void this.sweep(), INTERVAL_MS);
    this.#timer.unref();
    void this.sweep();
  }

  /** Never fails: what could not be deleted is tried again at the next time. */
  sweep(): Promise<void> {
    return (this.#sweep ??= this.#run().finally(() => (this.#sweep = undefined)));
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isClosed && (await deleteSome(this.database)) === BATCH);
    } catch (error) {
      this.log.warn(
        { err: error },
        'Expired uploads could not be deleted; this will be tried again',
      );
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#sweep;
  }
}
