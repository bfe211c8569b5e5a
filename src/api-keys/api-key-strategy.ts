import { timingSafeEqual } from 'node:crypto';
import { invalidToken, type AuthStrategy } from '../auth/authenticate.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { enterTenantOfRowSql, type EnteringRow } from '../db/database-scope.js';
import { statement } from '../db/statement.js';
import { hashOf, prefixOf } from './key-format.js';

interface KeyRow extends EnteringRow {
  id: string;
  tenant_id: string;
  key_hash: string;
  scopes: ApiKeyScope[];
  rate_limit_rpm: number;
}

// A key must be found before its tenant is known: the one read of tenants' data that goes through the operator's role for everyone.
const KEY_BY_PREFIX = statement(
  'apiKeyByPrefix',
  `select id, tenant_id, key_hash, scopes, rate_limit_rpm, ${enterTenantOfRowSql('tenant_id', 'key_hash = $2')} from api_keys
    where key_prefix = $1 and not revoked and (expires_at is null or expires_at > now())
    union all
   select id, tenant_id, previous_hash, scopes, rate_limit_rpm, ${enterTenantOfRowSql('tenant_id', 'previous_hash = $2')} from api_keys
    where previous_prefix = $1 and previous_expires_at > now() and not revoked and (expires_at is null or expires_at > now())`,
);

/** Recognises API keys. Asked of the database for each request, so that a revoked key is refused at once by every gateway. */
export function apiKeyStrategy(): AuthStrategy {
  return async (token, { lookUp }) => {
    if (!token.startsWith('wvr_')) return null;
    const prefix = prefixOf(token);
    if (!prefix) throw invalidToken();
    const hash = hashOf(token);
    const row = (await lookUp.queryEntering<KeyRow>(KEY_BY_PREFIX, [prefix, hash])).find(({ key_hash }) => sameHash(key_hash, hash));
    if (!row) throw invalidToken();
    return { kind: 'apiKey', tenantId: row.tenant_id, keyId: row.id, scopes: new Set(row.scopes), rateLimitRpm: row.rate_limit_rpm };
  };
}

function sameHash(stored: string, given: string): boolean {
  return stored.length === given.length && timingSafeEqual(Buffer.from(stored), Buffer.from(given));
}
