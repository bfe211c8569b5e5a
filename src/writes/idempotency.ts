import { createHash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import type { Principal } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import { runInWrite } from '../db/run-in-write.js';
import { statement } from '../db/statement.js';
import { lineInput } from '../graphql/input-checks.js';
import type { Db } from './db.js';

/** The description of `idempotencyKey` in every input. */
export const IDEMPOTENCY_KEY =
  'Makes retries safe: within 24 hours, another call with the same key by the same ' +
  'caller returns the first result and changes nothing. 1 to 255 characters of your ' +
  'choice, such as a UUID. The same key with a different input is a `CONFLICT`.';

const MAX_KEY_LENGTH = 255;

/**
 * How many expired outcomes are deleted when a new one is stored: more than one, so that they do
 * not accumulate, but few, so that no call takes much longer.
 */
const CLEANUP_BATCH = 10;

const RETENTION = `interval '24 hours'`;

/** A caller's idempotency key for one mutation, and the digest of the input. */
export interface IdempotentCall {
  readonly tenantId: string | null;
  readonly principal: string;
  readonly mutation: string;
  readonly key: string;
  readonly digest: string;
}

/**
 * The call's key; undefined if the caller sent none. `keyedInput` returns what is compared, if
 * that is not the input without its nulls.
 */
export function idempotentCall(
  { principal, tenantId }: Caller,
  mutation: string,
  input: object,
  keyedInput: () => object = () => input,
): IdempotentCall | undefined {
  const { idempotencyKey } = input as { idempotencyKey?: string | null };
  if (idempotencyKey == null) return undefined;
  const key = lineInput('input.idempotencyKey', idempotencyKey, MAX_KEY_LENGTH);
  const { idempotencyKey: _, ...withoutKey } = withoutNulls(keyedInput()) as {
    idempotencyKey?: string;
  };
  return {
    tenantId: tenantId ?? null,
    principal: principalName(principal),
    mutation,
    key,
    digest: digestOf(withoutKey),
  };
}

const FIND_OUTCOME = `select input_digest as digest, outcome from idempotency_keys
  where tenant_id is not distinct from $1::uuid and principal = $2 and mutation = $3 and key = $4
    and created_at > now() - ${RETENTION}`;

/**
 * The outcome of an earlier call, or undefined. Called before work outside the transaction;
 * `claimKey` decides.
 */
export async function findOutcome<T>(
  { reads }: Pick<Db, 'reads'>,
  call: IdempotentCall,
): Promise<T | undefined> {
  const [row] = await reads.query<StoredOutcome<T>>(
    statement('idempotencyKey', FIND_OUTCOME),
    keyParameters(call),
  );
  return row && outcomeOf(row, call);
}

/**
 * Claims the key for this transaction, or returns the outcome of the call that used it. The second
 * of two concurrent calls waits here until the first has committed or failed. If it has failed,
 * the second gets the key.
 */
export async function claimKey<T>(
  em: SqlEntityManager,
  call: IdempotentCall,
): Promise<T | undefined> {
  const inserted = await runInWrite(
    em,
    `insert into idempotency_keys as k (tenant_id, principal, mutation, key, input_digest)
      values ($1::uuid, $2, $3, $4, $5)
     on conflict (tenant_id, principal, mutation, key) do update
       set input_digest = excluded.input_digest, outcome = null, created_at = now()
       where k.created_at <= now() - ${RETENTION}
     returning 1`,
    [...keyParameters(call), call.digest],
  );
  if (inserted.length > 0) return undefined;
  const [row] = await runInWrite<StoredOutcome<T>>(em, FIND_OUTCOME, keyParameters(call));
  return outcomeOf(row!, call);
}

/** Stores the outcome of the call, and deletes some expired outcomes. */
export async function storeOutcome(
  em: SqlEntityManager,
  call: IdempotentCall,
  outcome: object,
): Promise<void> {
  await runInWrite(
    em,
    'update idempotency_keys set outcome = $5::jsonb where tenant_id is not distinct ' +
      'from $1::uuid and principal = $2 and mutation = $3 and key = $4',
    [...keyParameters(call), JSON.stringify(outcome)],
  );
  await runInWrite(
    em,
    `delete from idempotency_keys where id = any(array(
       select id from idempotency_keys
        where tenant_id is not distinct from $1::uuid and created_at <= now() - ${RETENTION}
        order by created_at limit ${CLEANUP_BATCH} for update skip locked))`,
    [call.tenantId],
  );
}

interface StoredOutcome<T> {
  readonly digest: string;
  readonly outcome: T;
}

function outcomeOf<T>({ digest, outcome }: StoredOutcome<T>, call: IdempotentCall): T {
  if (digest === call.digest) return outcome;
  throw new AppError(
    'CONFLICT',
    'This idempotency key was used with another input in the last 24 hours. Use a new ' +
      'key for a new call.',
    { field: 'input.idempotencyKey' },
  );
}

function keyParameters({ tenantId, principal, mutation, key }: IdempotentCall): (string | null)[] {
  return [tenantId, principal, mutation, key];
}

function principalName(principal: Principal): string {
  switch (principal.kind) {
    case 'apiKey':
      return `apiKey:${principal.keyId}`;
    case 'user':
      return `user:${principal.userId}`;
    default:
      return principal.kind;
  }
}

/**
 * An object of an input without its null members, since null means the same as an omitted value,
 * except for the members in `mattering` (`graphql/distinguishes-null.ts`). The values of members
 * are not changed, since they may be JSON.
 */
export function withoutNulls(value: object, ...mattering: string[]): object {
  return Object.fromEntries(
    Object.entries(value).filter(([name, member]) => member !== null || mattering.includes(name)),
  );
}

/** Equal for inputs with the same members in any order. */
function digestOf(input: unknown): string {
  const sortMembers = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(input, sortMembers)).digest('hex');
}
