import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import { recordAudit, type AuditActor } from '../audit/record-audit.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { runInWrite } from '../db/run-in-write.js';
import { ApiKey } from './api-key.entity.js';
import { newKey } from './key-format.js';

/**
 * What changes keys, by GraphQL and at the command line alike: the row, and the entry of the audit
 * log in the same transaction.
 */

export interface KeyPlan {
  readonly tenantId: string;
  readonly name: string;
  readonly scopes: readonly ApiKeyScope[];
  readonly rateLimitRpm: number;
  readonly expiresAt: string | null;
}

export interface MadeKey {
  readonly id: string;
  readonly tenantId: string;
  readonly secret: string | null;
}

export async function storeKey(
  em: SqlEntityManager,
  actor: AuditActor,
  { tenantId, name, scopes, rateLimitRpm, expiresAt }: KeyPlan,
): Promise<MadeKey> {
  const { secret, prefix, hash } = newKey();
  const id = v7();
  await em.insert(ApiKey, {
    id,
    tenant: tenantId,
    name,
    prefix,
    keyHash: hash,
    scopes: [...scopes],
    rateLimitRpm,
    expiresAt,
  });
  await recordAudit(em, actor, {
    tenantId,
    action: 'createApiKey',
    targetType: 'ApiKey',
    targetId: id,
    details: { name, prefix, scopes, rateLimitRpm, expiresAt },
  });
  return { id, tenantId, secret };
}

/**
 * Gives a key a new secret; a trigger of the database keeps the old one for as long as it goes on.
 */
export async function rotateKey(
  em: SqlEntityManager,
  actor: AuditActor,
  { id, tenantId }: { id: string; tenantId: string },
  overlapSeconds: number,
): Promise<MadeKey> {
  const { secret, prefix, hash } = newKey();
  await runInWrite(
    em,
    `update api_keys set key_prefix = $1, key_hash = $2,
            previous_expires_at =
              case when $3::int > 0 then now() + make_interval(secs => $3::int) end
      where tenant_id = $4::uuid and id = $5::uuid`,
    [prefix, hash, overlapSeconds, tenantId, id],
  );
  await recordAudit(em, actor, {
    tenantId,
    action: 'rotateApiKey',
    targetType: 'ApiKey',
    targetId: id,
    details: { prefix, overlapSeconds },
  });
  return { id, tenantId, secret };
}

/** Withdraws a key, with both of its secrets while it is being rotated. */
export async function revokeKey(
  em: SqlEntityManager,
  actor: AuditActor,
  { id, tenantId }: { id: string; tenantId: string },
): Promise<void> {
  await runInWrite(
    em,
    'update api_keys set revoked = true where tenant_id = $1::uuid and id = $2::uuid',
    [tenantId, id],
  );
  await recordAudit(em, actor, {
    tenantId,
    action: 'revokeApiKey',
    targetType: 'ApiKey',
    targetId: id,
  });
}

/** Ends the secret from before the last rotation at once; the key goes on with its new one. */
export async function endFormerSecret(
  em: SqlEntityManager,
  actor: AuditActor,
  { id, tenantId, prefix }: { id: string; tenantId: string; prefix: string },
): Promise<void> {
  await runInWrite(
    em,
    'update api_keys set previous_expires_at = now() where tenant_id = $1::uuid and id = $2::uuid',
    [tenantId, id],
  );
  await recordAudit(em, actor, {
    tenantId,
    action: 'revokeApiKey',
    targetType: 'ApiKey',
    targetId: id,
    details: { formerPrefix: prefix },
  });
}
