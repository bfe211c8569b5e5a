import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import { recordStatement, type AuditStatement } from './audit.js';
import type { Db } from './db.js';
import {
  claimKey,
  idempotentCall,
  storeOutcome,
  findOutcome,
  type IdempotentCall,
} from './idempotency.js';
import { isRetryable, writeError } from './write-errors.js';

/** How often a transaction is run if it keeps conflicting with others. */
const MAX_ATTEMPTS = 5;

/** The result of a verb's transaction. */
export interface ChangeResult<T> {
  /**
   * The ids from which the answer is read, not objects. JSON, because it is stored under an
   * idempotency key and returned again.
   */
  readonly outcome: T;
  /** The events for the audit log, written in the same transaction. */
  readonly audit: AuditStatement;
}

/** A use case that changes something. */
export interface Change<T extends object, P> {
  /** Its name, stored with idempotency keys and as the action in the audit log. */
  readonly verb: string;
  /** The caller's input. `change` handles its `idempotencyKey`. */
  readonly input: object;
  /**
   * What is compared under an idempotency key, if that is not the input without its nulls: for
   * inputs with objects in which null means the same as an omitted value.
   */
  readonly keyedInput?: () => object;
  /**
   * Work before the transaction opens: everything that uses the network, such as embedding. It is
   * not called if an earlier outcome is returned, and only once even if the transaction is
   * repeated.
   */
  readonly prepare?: () => Promise<P>;
  /**
   * The writes, in one transaction under the caller's role. An error rolls all of them back. It
   * may run several times.
   */
  readonly work: (em: SqlEntityManager, prepared: P) => Promise<ChangeResult<T>>;
  /**
   * The outcome to store under an idempotency key, without secrets that are returned only once.
   */
  readonly redact?: (outcome: T) => T;
}

/**
 * Runs a change. Every verb calls this once.
 *
 * - The change happens completely or not at all. PostgreSQL's errors become errors that name the
 *   input (`writes/write-errors.ts`).
 * - After a conflict with another transaction (a deadlock, a serialization failure) the
 *   transaction is repeated.
 * - Further calls with the same `idempotencyKey`, including concurrent ones, get the first outcome.
 * - The events that the verb states are written to the audit log, unless an earlier outcome is
 *   returned.
 */
export async function change<T extends object, P = undefined>(
  db: Db,
  caller: Caller,
  what: Change<T, P>,
): Promise<T> {
  const idempotent = idempotentCall(caller, what.verb, what.input, what.keyedInput);
  const storedOutcome =
    idempotent && what.prepare ? await findOutcome<T>(db, idempotent) : undefined;
  if (storedOutcome) return storedOutcome;
  const prepared = (await what.prepare?.()) as P;
  try {
    return await withRetries(() =>
      db.write(what.verb, em => attempt(em, caller, { ...what, idempotent, prepared })),
    );
  } catch (error) {
    throw writeError(error) ?? error;
  }
}

type MutationAttempt<T extends object, P> = Change<T, P> & {
  readonly idempotent: IdempotentCall | undefined;
  readonly prepared: P;
};

async function attempt<T extends object, P>(
  em: SqlEntityManager,
  caller: Caller,
  what: MutationAttempt<T, P>,
): Promise<T> {
  const { verb, idempotent } = what;
  const storedOutcome = idempotent && (await claimKey<T>(em, idempotent));
  if (storedOutcome) return storedOutcome;
  const { outcome, audit } = await what.work(em, what.prepared);
  await recordStatement(em, caller, verb, audit);
  if (idempotent) await storeOutcome(em, idempotent, what.redact?.(outcome) ?? outcome);
  throwIfAborted(caller);
  return outcome;
}

async function withRetries<T>(run: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (attempts === MAX_ATTEMPTS) {
        throw new AppError(
          'UNAVAILABLE',
          'Too many concurrent changes. Nothing was changed; try again shortly.',
          { cause: error, retryAfterMs: 1_000 },
        );
      }
      // A random pause, so that the two transactions do not conflict again.
      await sleep(Math.random() * 20 * attempts);
    }
  }
}

/** Nobody waits for the answer any more, so the change must not happen. */
function throwIfAborted({ signal }: Caller): void {
  if (signal.aborted)
    throw new AppError(
      'UNAVAILABLE',
      'The operation exceeded its time limit and was ended before its changes were ' +
        'stored. Nothing was changed.',
      { cause: signal.reason, retryAfterMs: 1_000 },
    );
}
