import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql';
import { AppError } from '../base/app-error.js';
import { isWorthRepeating, writeError } from '../db/write-errors.js';
import type { RequestContext } from './context.js';
import { claim, keyedCall, remember, remembered, type KeyedCall } from './idempotency.js';
import { forgetLoaded } from './loader.js';

/** Times that a transaction is run when it keeps meeting others. */
const MAX_ATTEMPTS = 5;

/** What a mutation does. */
export interface MutationCall<T extends object, P> {
  /**
   * The field's `input` as it came. An `idempotencyKey` in it is heeded; a `dryRun` only so far
   * that hooks are not called.
   */
  readonly input: object;
  /**
   * What must be done before the transaction opens: everything that uses the network, such as
   * embedding. Not called when the answer is already known, and only once however often the
   * transaction is repeated.
   */
  readonly prepare?: () => Promise<P>;
  /**
   * The writes, in one transaction under the caller's role; whatever it throws rolls all of it
   * back. It may run several times. Its outcome is what the payload is read by: ids, not objects,
   * as JSON, for under an idempotency key it is stored and given again.
   */
  readonly work: (em: SqlEntityManager, prepared: P) => Promise<T>;
  /**
   * The outcome as it is stored and given again. For what may be told only once, such as the secret
   * of a key.
   */
  readonly remember?: (outcome: T) => T;
}

/**
 * Runs a mutation: every field of `Mutation` calls this, once.
 *
 * - All of it happens or none. What PostgreSQL refuses becomes an error that names the input
 *   (`db/write-errors.ts`).
 * - A transaction that met another one (a deadlock, a serialization failure) is repeated.
 * - Under an `idempotencyKey` the first outcome is given again, also to calls that run at the
 *   same time.
 * - Hooks of the context run last in the transaction: see `BeforeCommit`.
 * - What the operation has read so far is forgotten, so that the payload and the mutations behind
 *   it see what is written.
 */
export async function mutate<T extends object, P = undefined>(
  context: RequestContext,
  info: GraphQLResolveInfo,
  call: MutationCall<T, P>,
): Promise<T> {
  const keyed = keyedCall(context, info, call.input);
  const known = keyed && call.prepare ? await remembered<T>(context, keyed) : undefined;
  if (known) return known;
  const prepared = (await call.prepare?.()) as P;
  try {
    return await repeated(() =>
      context.write(info.fieldName, em => attempt(em, context, info, { ...call, keyed, prepared })),
    );
  } catch (error) {
    throw writeError(error) ?? error;
  } finally {
    forgetLoaded(context);
  }
}

type Attempt<T extends object, P> = MutationCall<T, P> & {
  readonly keyed: KeyedCall | undefined;
  readonly prepared: P;
};

async function attempt<T extends object, P>(
  em: SqlEntityManager,
  context: RequestContext,
  info: GraphQLResolveInfo,
  call: Attempt<T, P>,
): Promise<T> {
  const { input, keyed, prepared, work } = call;
  const known = keyed && (await claim<T>(em, keyed));
  if (known) return known;
  const outcome = await work(em, prepared);
  // The audit log's place.
  if (!('dryRun' in input && input.dryRun))
    for (const hook of context.beforeCommit)
      await hook(em, { mutation: info.fieldName, input, outcome, context });
  if (keyed) await remember(em, keyed, call.remember?.(outcome) ?? outcome);
  refuseWhenOver(context);
  return outcome;
}

async function repeated<T>(run: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isWorthRepeating(error)) throw error;
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
function refuseWhenOver({ signal }: RequestContext): void {
  if (signal.aborted)
    throw new AppError(
      'UNAVAILABLE',
      'The operation took longer than it may, and was ended before its changes were ' +
        'stored. Nothing was changed.',
      { cause: signal.reason, retryAfterMs: 1_000 },
    );
}
