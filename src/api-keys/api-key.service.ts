import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { missingPermissions } from '../auth/permissions.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { AppError } from '../base/app-error.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { intInput, tenantInput } from '../graphql/input-checks.js';
import { newValues } from '../graphql/settable-fields.js';
import { detailsOf, recorded, recordedForOperators } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { lockRow } from '../writes/lock-row.js';
import { idAndTimeOf, insertRow, updateRow } from '../writes/rows.js';
import {
  MAX_OVERLAP_SECONDS,
  type CreateApiKeyInput,
  type RevokeApiKeyInput,
  type RotateApiKeyInput,
} from './api-key-mutations.inputs.js';
import { ApiKey } from './api-key.entity.js';
import { newKey } from './key-format.js';

/** What a key may do, how often, and for how long. */
interface KeyPrivileges {
  readonly scopes: readonly ApiKeyScope[];
  readonly rateLimitRpm: number;
  readonly expiresAt: string | null;
}

export interface KeyWithSecret extends RowKey {
  /** Null if the call repeats an idempotency key. */
  readonly secret: string | null;
}

/** The secret is returned once, so it is not stored under an idempotency key. */
const withoutSecret = (made: KeyWithSecret): KeyWithSecret => ({ ...made, secret: null });

/** Creates a key. A caller cannot grant more than they have. */
export async function createApiKey(
  db: Db,
  caller: Caller,
  input: CreateApiKeyInput,
): Promise<KeyWithSecret> {
  const tenantId = tenantInput(caller, input.tenantId);
  const values = newValues(ApiKey, input);
  const key = { scopes: [], rateLimitRpm: 60, expiresAt: null, ...values };
  return change<KeyWithSecret>(db, caller, {
    verb: 'createApiKey',
    input,
    async work(em) {
      await refuseToGiveMore(em, caller, key, 'input.');
      const { id, createdAt } = idAndTimeOf(input);
      const { secret, prefix, hash } = newKey();
      await insertRow(em, ApiKey, { ...key, id, createdAt, tenantId, prefix, keyHash: hash });
      return {
        outcome: { id, tenantId, secret },
        audit: recorded({
          tenantId,
          targetType: 'ApiKey',
          targetId: id,
          details: { ...key, prefix },
        }),
      };
    },
    redact: withoutSecret,
  });
}

/**
 * Gives a key a new secret. A trigger of the database keeps the old one until it expires. Requires
 * the permissions needed to create the key.
 */
export async function rotateApiKey(
  db: Db,
  caller: Caller,
  input: RotateApiKeyInput,
): Promise<KeyWithSecret> {
  const overlapSeconds = intInput(
    'input.overlapSeconds',
    input.overlapSeconds,
    0,
    MAX_OVERLAP_SECONDS,
  );
  return change<KeyWithSecret>(db, caller, {
    verb: 'rotateApiKey',
    input,
    async work(em) {
      const key = await lockRow<KeyPrivileges & { revoked: boolean; prefix: string | null }>(
        em,
        caller,
        ApiKey,
        input,
        { properties: ['scopes', 'rateLimitRpm', 'expiresAt', 'revoked', 'prefix'] },
      );
      if (key.revoked) throw conflict('This key was revoked. Create a new one.');
      if (key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now())
        throw conflict('This key has expired. Create a new one.');
      if (key.prefix === null && overlapSeconds > 0)
        throw conflict(
          'This key is from an older Weaver and has not been used since. Rotate it with ' +
            'overlapSeconds 0.',
        );
      await refuseToGiveMore(em, caller, key, '');
      const { id, tenantId } = key;
      const { secret, prefix } = await storeNewSecret(em, key, overlapSeconds);
      return {
        outcome: { id, tenantId, secret },
        audit: recorded({
          tenantId,
          targetType: 'ApiKey',
          targetId: id,
          details: { prefix, overlapSeconds },
        }),
      };
    },
    redact: withoutSecret,
  });
}

/**
 * Revokes a key, with both of its secrets if it is being rotated. Revoking it again changes
 * nothing.
 */
export async function revokeApiKey(
  db: Db,
  caller: Caller,
  input: RevokeApiKeyInput,
): Promise<RowKey> {
  return change<RowKey>(db, caller, {
    verb: 'revokeApiKey',
    input,
    async work(em) {
      const { id, tenantId, revoked } = await lockRow<{ revoked: boolean }>(
        em,
        caller,
        ApiKey,
        input,
        { properties: ['revoked'] },
      );
      const event = { tenantId, targetType: 'ApiKey', targetId: id };
      if (revoked)
        return {
          outcome: { id, tenantId },
          audit: recordedForOperators({ ...event, details: detailsOf(input, 'id') }),
        };
      await updateRow(em, ApiKey, { id, tenantId }, { revoked: true });
      return { outcome: { id, tenantId }, audit: recorded(event) };
    },
  });
}

/**
 * Revokes the secret from before the last rotation; the key continues with its new one.
 * `formerPrefix` names the secret: if the key was rotated again in the meantime, the call fails
 * with `CONFLICT`.
 */
export async function revokeFormerSecret(
  db: Db,
  caller: Caller,
  input: { readonly id: string; readonly formerPrefix: string },
): Promise<RowKey> {
  return change<RowKey>(db, caller, {
    verb: 'revokeApiKey',
    input,
    async work(em) {
      const { id, tenantId, previousPrefix } = await lockRow<{ previousPrefix: string | null }>(
        em,
        caller,
        ApiKey,
        input,
        { properties: ['previousPrefix'] },
      );
      if (previousPrefix !== input.formerPrefix)
        throw conflict(
          'This key was rotated again and has another former secret. List the keys again.',
        );
      await runInWrite(
        em,
        'update api_keys set previous_expires_at = now() ' +
          'where tenant_id = $1::uuid and id = $2::uuid',
        [tenantId, id],
      );
      return {
        outcome: { id, tenantId },
        audit: recorded({
          tenantId,
          targetType: 'ApiKey',
          targetId: id,
          details: detailsOf(input, 'formerPrefix'),
        }),
      };
    },
  });
}

async function storeNewSecret(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
  overlapSeconds: number,
): Promise<{ secret: string; prefix: string }> {
  const { secret, prefix, hash } = newKey();
  await runInWrite(
    em,
    `update api_keys set key_prefix = $1, key_hash = $2,
            previous_expires_at =
              case when $3::int > 0 then now() + make_interval(secs => $3::int) end
      where tenant_id = $4::uuid and id = $5::uuid`,
    [prefix, hash, overlapSeconds, tenantId, id],
  );
  return { secret, prefix };
}

/**
 * Throws `FORBIDDEN` if a key would have more scopes, a higher rate limit or a later expiry than
 * the caller's own. `path` is the prefix of the input fields; empty for a key that exists.
 */
async function refuseToGiveMore(
  em: SqlEntityManager,
  { principal }: Caller,
  { scopes, rateLimitRpm, expiresAt }: KeyPrivileges,
  path: 'input.' | '',
): Promise<void> {
  const refused = (field: string, message: string): AppError =>
    new AppError('FORBIDDEN', message, { field: path ? path + field : 'input.id' });
  const missing = missingPermissions(principal, scopes);
  if (missing.length > 0)
    throw refused(
      'scopes',
      `The key would have ${missing.map(scope => scope.toUpperCase()).join(', ')}, which ` +
        'you do not have.',
    );
  if (principal.kind !== 'apiKey') return;
  // Read again and locked until the end of the transaction, because the caller's own key may have
  // been revoked since the request was authenticated.
  const [maker] = await runInWrite<{ rateLimitRpm: number; outlived: boolean }>(
    em,
    `select rate_limit_rpm as "rateLimitRpm",
            coalesce(expires_at < coalesce($1::timestamptz, 'infinity'), false) as outlived
       from api_keys
      where tenant_id = $2::uuid and id = $3::uuid and not revoked
        for share`,
    [expiresAt, principal.tenantId, principal.keyId],
  );
  if (!maker) throw new AppError('FORBIDDEN', 'Your own key was revoked.');
  if (rateLimitRpm > maker.rateLimitRpm)
    throw refused(
      'rateLimitRpm',
      `The key would have a higher rate limit than yours, which is ${maker.rateLimitRpm} ` +
        'requests a minute.',
    );
  if (maker.outlived) throw refused('expiresAt', 'The key would expire later than yours.');
}

function conflict(message: string): AppError {
  return new AppError('CONFLICT', message, { field: 'input.id' });
}
