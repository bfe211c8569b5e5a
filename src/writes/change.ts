import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import { isRetryable, writeError } from '../db/write-errors.js';
import { recordStatement, type AuditStatement } from './audit.js';
import type { Db } from './db.js';
import {
  claimKey,
  idempotentCall,
  storeOutcome,
  findOutcome,
  type IdempotentCall,
} from './idempotency.js';

/** Times that a transaction is run when it keeps meeting others. */
const MAX_ATTEMPTS = 5;

/** What the transaction of a verb led to. */
export interface Changed<T> {
  /**
   * What the answer is read by: ids, not objects, as JSON, for under an idempotency key it is
   * stored and given again.
   */
  readonly outcome: T;
  /** Written in the same transaction. */
  readonly audit: AuditStatement;
}

/** What a verb does. */
export interface Change<T extends object, P> {
  /** Its name, by which idempotency keys are kept and the audit log tells what was done. */
  readonly verb: string;
  /** The input as it came. An `idempotencyKey` in it is heeded. */
  readonly input: object;
  /**
   * What an idempotency key stands for, where that is something else than the input without its
   * nulls: an input with objects in it, whose nulls say the same as what is left out.
   */
  readonly keyedInput?: () => object;
  /**
   * What must be done before the transaction opens: everything that uses the network, such as
   * embedding. Not called when the answer is already known, and only once however often the
   * transaction is repeated.
   */
  readonly prepare?: () => Promise<P>;
  /**
   * The writes, in one transaction under the caller's role; whatever it throws rolls all of it
   * back. It may run several times.
   */
  readonly work: (em: SqlEntityManager, prepared: P) => Promise<Changed<T>>;
  /**
   * The outcome as it is stored and given again. For what may be told only once, such as the secret
   * of a key.
   */
  readonly redact?: (outcome: T) => T;
}

/**
 * Runs what changes something: every verb calls this, once.
 *
 * - All of it happens or none. What PostgreSQL refuses becomes an error that names the input
 *   (`db/write-errors.ts`).
 * - A transaction that met another one (a deadlock, a serialization failure) is repeated.
 * - Under an `idempotencyKey` the first outcome is given again, also to calls that run at the
 *   same time.
 * - The audit log has what the verb states of itself, unless an earlier outcome is given again.
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
      // Not at the same moment as the other one again.
      await sleep(Math.random() * 20 * attempts);
    }
  }
}

/** Nobody waits for the answer any more: what nobody can know of must not happen. */
function throwIfAborted({ signal }: Caller): void {
  if (signal.aborted)
    throw new AppError(
      'UNAVAILABLE',
      'The operation exceeded its time limit and was ended before its changes were ' +
        'stored. Nothing was changed.',
      { cause: signal.reason, retryAfterMs: 1_000 },
    );
}
