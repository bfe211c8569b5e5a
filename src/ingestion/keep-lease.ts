import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import { LeaseLost } from './ingestion-failure.js';
import { LEASE_MS, renewLease, type ClaimedIngestion } from './lease.js';

export interface Renewal {
  /** Looks at once whether the lease is still there. */
  check(): void;
  end(): void;
}

/**
 * Renews the lease of an ingestion until it is ended. Where it is lost, or nobody knows for as long
 * as a lease lasts, aborts the attempt with a `LeaseLost`.
 */
export function keepLease(
  database: Database,
  ingestion: ClaimedIngestion,
  abort: AbortController,
  log: Logger,
): Renewal {
  let renewedAt = performance.now();
  let renewing: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const begin = performance.now();
    try {
      await renewLease(database, ingestion);
      renewedAt = begin;
    } catch (error) {
      if (error instanceof LeaseLost) return abort.abort(error);
      log.warn({ err: error, ingestionId: ingestion.id }, 'A lease could not be renewed');
      if (performance.now() - renewedAt > LEASE_MS)
        abort.abort(new LeaseLost('The lease could not be renewed in time.', { cause: error }));
    }
  };
  const check = (): void => void (renewing ??= renew().finally(() => (renewing = undefined)));
  const timer = setInterval(check, LEASE_MS / 3);
  timer.unref();
  return { check, end: () => clearInterval(timer) };
}
