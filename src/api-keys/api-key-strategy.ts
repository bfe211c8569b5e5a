import { timingSafeEqual } from 'node:crypto';
import { invalidToken, type AuthRequest, type AuthStrategy } from '../auth/authenticate.js';
import type { LRUCache } from 'lru-cache';
import type { ApiKeyScope, Principal } from '../auth/principal.js';
import { enterTenantOfRowSql, enterTenantSql, type EnteringRow } from '../db/database-scope.js';
import { fixedStatement } from '../db/statement.js';
import { hashOf, legacyPrefixOf, prefixOf } from './key-format.js';
import type { KeyUsage } from './key-usage.js';
import type { LegacyKeys } from './legacy-keys.js';

interface KeyRow extends EnteringRow {
  id: string;
  tenant_id: string;
  /** null in the row that only enters a tenant's scope. */
  key_hash: string | null;
  scopes: ApiKeyScope[];
  rate_limit_rpm: number;
}

// A key must be found before its tenant is known. This is the only read of tenants' data that uses
// the operator's role for every caller.
const keysByPrefix = (columnsOf: (hash: string) => string): string =>
  `select id, tenant_id, key_hash, scopes, rate_limit_rpm, ${columnsOf('key_hash')}
     from api_keys
    where key_prefix = $1 and not revoked and (expires_at is null or expires_at > now())
    union all
   select id, tenant_id, previous_hash, scopes, rate_limit_rpm, ${columnsOf('previous_hash')}
     from api_keys
    where previous_prefix = $1 and previous_expires_at > now() and not revoked
      and (expires_at is null or expires_at > now())`;

const KEY_BY_PREFIX = fixedStatement(
  'apiKeyByPrefix',
  keysByPrefix(hash => enterTenantOfRowSql('tenant_id', `${hash} = $2`)),
);

// With the tenant that the key was of, as whom the statements behind it read.
const KEY_BEFORE_READS = fixedStatement(
  'apiKeyBeforeReads',
  `${keysByPrefix(() => 'null as entered')}
    union all
   select null, null, null, null, null, ${enterTenantSql('$2')}`,
);

type KeyPrincipal = Principal & { kind: 'apiKey' };

/** Whose keys were when they were looked up last, by the digests of the keys: guesses. */
export type LastPrincipals = LRUCache<string, KeyPrincipal>;

/**
 * Recognises API keys. Each request queries the database, so that every gateway refuses a revoked
 * key at once. Keys of an older Weaver are stored in the new format on their first use.
 */
export function apiKeyStrategy(
  legacyKeys: LegacyKeys,
  usage: KeyUsage,
  last?: LastPrincipals,
): AuthStrategy {
  return async (token, request) => {
    if (!token.startsWith('wvr_')) return null;
    const legacyPrefix = legacyPrefixOf(token);
    const prefix = legacyPrefix ?? prefixOf(token);
    if (!prefix) throw invalidToken();
    const hash = hashOf(token);
    const guess = request.onGuess && last?.get(hash);
    let row = guess
      ? await findBeforeReads(prefix, hash, request, guess)
      : await find(prefix, hash, request);
    if (!row && legacyPrefix) {
      await legacyKeys.adopt(token, request);
      // Stored in the new format now, by this request or by another one.
      row = await find(prefix, hash, request);
    }
    if (!row) {
      last?.delete(hash);
      throw invalidToken();
    }
    usage.record(row.id, row.tenant_id);
    if (guess && isOf(row, guess)) return guess;
    const principal: KeyPrincipal = {
      kind: 'apiKey',
      tenantId: row.tenant_id,
      keyId: row.id,
      scopes: new Set(row.scopes),
      rateLimitRpm: row.rate_limit_rpm,
    };
    last?.set(hash, principal);
    return principal;
  };
}

async function find(
  prefix: string,
  hash: string,
  { lookUp }: AuthRequest,
): Promise<KeyRow | undefined> {
  return (await lookUp.queryAndEnterTenant<KeyRow>(KEY_BY_PREFIX, [prefix, hash])).find(
    ({ key_hash }) => sameHash(key_hash!, hash),
  );
}

async function findBeforeReads(
  prefix: string,
  hash: string,
  { lookUp, onGuess }: AuthRequest,
  guess: KeyPrincipal,
): Promise<KeyRow | undefined> {
  const parameters = [prefix, guess.tenantId];
  const rows = lookUp.queryAndEnter<KeyRow>(KEY_BEFORE_READS, parameters, guess.tenantId);
  onGuess!(guess);
  return (await rows).find(({ key_hash }) => key_hash !== null && sameHash(key_hash, hash));
}

/** Whether a key still gives what it gave. */
function isOf(row: KeyRow, { tenantId, keyId, scopes, rateLimitRpm }: KeyPrincipal): boolean {
  return (
    row.tenant_id === tenantId &&
    row.id === keyId &&
    row.rate_limit_rpm === rateLimitRpm &&
    new Set(row.scopes).size === scopes.size &&
    row.scopes.every(scope => scopes.has(scope))
  );
}

function sameHash(stored: string, given: string): boolean {
  return stored.length === given.length && timingSafeEqual(Buffer.from(stored), Buffer.from(given));
}
