import { StartupError } from '../../base/startup-error.js';
import type { DatabaseAddress } from '../../config/database-address.js';
import { exceededTime } from '../../db/database-errors.js';
import { inSession } from '../../ops/backup/session.js';
import { tableLockHolders, type Wanted } from '../../ops/migrations/lock-holders.js';
import { pluralize } from './format-counts.js';

/** Whether a statement waited too long for a lock, of ours or of one of PostgreSQL's programs. */
const WAITED = /lock timeout|statement timeout/;

/** None where that cannot be told. */
async function holdersAt(address: DatabaseAddress, wanted: Wanted): Promise<string[]> {
  try {
    return await inSession(address, new AbortController().signal, session =>
      tableLockHolders(session, wanted),
    );
  } catch {
    return [];
  }
}

interface Waiting {
  readonly address: DatabaseAddress;
  readonly lockWaitMs: number;
  /** What the tables are locked for. */
  readonly wanted: Wanted;
  /** What waited, as the beginning of a sentence. */
  readonly who: string;
  /** What did not happen, and what to do, as sentences. */
  readonly consequence: string;
}

/** Names who holds the lock that a backup or a restore has waited for too long. */
export async function lockFailure(
  error: unknown,
  { address, lockWaitMs, wanted, who, consequence }: Waiting,
): Promise<unknown> {
  const isLock = exceededTime(error) === 'lock' || WAITED.test((error as Error).message);
  if (!isLock) return error;
  const holders = await holdersAt(address, wanted);
  const held = holders.length === 0 ? '' : ` that is held by ${holders.join(' and ')}`;
  return new StartupError(
    `${who} waited ${pluralize(lockWaitMs / 1_000, 'second')} for a lock${held}. ${consequence}`,
    { cause: error },
  );
}
