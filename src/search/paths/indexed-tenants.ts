import type { OperationReads } from '../../db/operation-reads.js';
import { SEARCH_INDEX_NAME_IN_SQL, tenantOfSearchIndex } from '../../db/search-index-name.js';
import { fixedStatement } from '../../db/statement.js';

const VALID_INDEXES = fixedStatement(
  'searchIndexes',
  `select c.relname::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'doc_chunks'::regclass and i.indisvalid
      and c.relname ~ '${SEARCH_INDEX_NAME_IN_SQL}'`,
);

/**
 * Tenants whose searches can use an index of their own, by their ids. Any role may ask: catalogues
 * hold no tenant's data.
 */
export async function tenantsWithSearchIndex(reads: OperationReads): Promise<Set<string>> {
  return new Set(
    (await reads.query<{ name: string }>(VALID_INDEXES, [])).map(({ name }) =>
      tenantOfSearchIndex(name),
    ),
  );
}

/**
 * For how long the answer holds. An index that was dropped meanwhile costs time and never a hit:
 * the statement is right without it.
 */
const TIME_TO_LIVE_MS = 30_000;

/**
 * Which tenants have an index of their own, remembered for half a minute: one look at the catalogue
 * tells of all.
 */
export class IndexedTenants {
  #tenantIds: ReadonlySet<string> = new Set();
  #expiresAt = 0;

  async has(reads: OperationReads, tenantId: string): Promise<boolean> {
    if (this.#expiresAt <= performance.now()) {
      this.#tenantIds = await tenantsWithSearchIndex(reads);
      this.#expiresAt = performance.now() + TIME_TO_LIVE_MS;
    }
    return this.#tenantIds.has(tenantId);
  }
}
