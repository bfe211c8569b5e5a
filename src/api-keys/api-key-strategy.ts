import { timingSafeEqual } from 'node:crypto';
import { invalidToken, type AuthRequest, type AuthStrategy } from '../auth/authenticate.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { enterTenantOfRowSql, type EnteringRow } from '../db/database-scope.js';
import { fixedStatement } from '../db/statement.js';
import { hashOf, legacyPrefixOf, prefixOf } from './key-format.js';
import type { KeyUsage } from './key-usage.js';
import type { LegacyKeys } from './legacy-keys.js';

interface KeyRow extends EnteringRow {
  id: string;
  tenant_id: string;
  key_hash: string;
  scopes: ApiKeyScope[];
  rate_limit_rpm: number;
}

// A key must be found before its tenant is known. This is the only read of tenants' data that uses
// the operator's role for every caller.
const KEY_BY_PREFIX = fixedStatement(
  'apiKeyByPrefix',
  `select id, tenant_id, key_hash, scopes, rate_limit_rpm,
          ${enterTenantOfRowSql('tenant_id', 'key_hash = $2')}
     from api_keys
    where key_prefix = $1 and not revoked and (expires_at is null or expires_at > now())
    union all
   select id, tenant_id, previous_hash, scopes, rate_limit_rpm,
          ${enterTenantOfRowSql('tenant_id', 'previous_hash = $2')}
     from api_keys
    where previous_prefix = $1 and previous_expires_at > now() and not revoked
      and (expires_at is null or expires_at > now())`,
);

/**
 * Recognises API keys. Each request queries the database, so that every gateway refuses a revoked
 * key at once. Keys of an older Weaver are stored in the new format on their first use.
 */
export function apiKeyStrategy(legacyKeys: LegacyKeys, usage: KeyUsage): AuthStrategy {
  return async (token, request) => {
    if (!token.startsWith('wvr_')) return null;
    const legacyPrefix = legacyPrefixOf(token);
    const prefix = legacyPrefix ?? prefixOf(token);
    if (!prefix) throw invalidToken();
    let row = await find(prefix, token, request);
    if (!row && legacyPrefix) {
      await legacyKeys.adopt(token, request);
      // Stored in the new format now, by this request or by another one.
      row = await find(prefix, token, request);
    }
    if (!row) throw invalidToken();
    usage.record(row.id, row.tenant_id);
    return {
      kind: 'apiKey',
      tenantId: row.tenant_id,
      keyId: row.id,
      scopes: new Set(row.scopes),
      rateLimitRpm: row.rate_limit_rpm,
    };
  };
}

async function find(
  prefix: string,
  token: string,
  { lookUp }: AuthRequest,
): Promise<KeyRow | undefined> {
  const hash = hashOf(token);
  return (await lookUp.queryAndEnterTenant<KeyRow>(KEY_BY_PREFIX, [prefix, hash])).find(
    ({ key_hash }) => sameHash(key_hash, hash),
  );
}

function sameHash(stored: string, given: string): boolean {
  return stored.length === given.length && timingSafeEqual(Buffer.from(stored), Buffer.from(given));
}
