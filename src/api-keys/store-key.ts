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

export interface NewKey extends KeyPower {
  readonly tenantId: string;
  readonly name: string;
}

/** Stores a new key, and gives its id and its secret. `more` is what else its row holds. */
export async function storeKey(
  em: SqlEntityManager,
  { id = v7(), ...key }: NewKey & { readonly id?: string },
  more: RowValues<ApiKey> = {},
): Promise<{ id: string; prefix: string; secret: string }> {
  const { secret, prefix, hash } = newKey();
  await insertRow(em, ApiKey, { ...key, prefix, keyHash: hash, ...more, id });
  return { id, prefix, secret };
}
