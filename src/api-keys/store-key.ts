import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import type { ApiKeyScope } from '../auth/principal.js';
import { insertRow, type RowValues } from '../writes/rows.js';
import { ApiKey } from './api-key.entity.js';
import { newKey } from './key-format.js';

/** What a key may do, how often, and for how long. */
export interface KeyPower {
  readonly scopes: readonly ApiKeyScope[];
  readonly rateLimitRpm: number;
  readonly expiresAt: string | null;
}

/** A row to be, but for its secret. */
export type NewKey = RowValues<ApiKey> &
  KeyPower & { readonly id?: string; readonly tenantId: string };

/** Stores a new key, and gives its id and its secret. */
export async function storeKey(
  em: SqlEntityManager,
  { id = v7(), ...key }: NewKey,
): Promise<{ id: string; prefix: string; secret: string }> {
  const { secret, prefix, hash } = newKey();
  await insertRow(em, ApiKey, { ...key, prefix, keyHash: hash, id });
  return { id, prefix, secret };
}
