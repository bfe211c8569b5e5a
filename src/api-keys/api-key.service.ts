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
  /** Null where it was told before. */
  readonly secret: string | null;
}

/** The secret is told once: what is kept for a repetition is without it. */
const withoutSecret = (made: KeyWithSecret): KeyWithSecret => ({ ...made, secret: null });

/** A new key, with nothing that its maker has not. */
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
 * Gives a key a new secret; a trigger of the database keeps the old one for as long as it goes on.
 * It takes whoever may make such a key.
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
 * Withdraws a key for good, with both of its secrets while it is being rotated. To do so again
 * changes nothing.
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
 * Ends the secret from before the last rotation at once; the key goes on with its new one. It is
 * named by its prefix: if the key was rotated again in the meantime, it is a `CONFLICT`.
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
 * Nobody gets a secret that may do more than they: neither in what it opens, nor in how often, nor
 * for how long. `path` leads to the input that asks for it; empty where it is the key that is
 * there.
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
  // Read again, and held until the end: the caller's own key may have been revoked since the
  // request came.
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
