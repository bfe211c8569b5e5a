import type { ReadScope } from '../../db/read-scope.js';
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
export async function tenantsWithSearchIndex(reads: ReadScope): Promise<Set<string>> {
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
  #known: ReadonlySet<string> = new Set();
  #until = 0;

  async has(reads: ReadScope, tenantId: string): Promise<boolean> {
    if (this.#until <= performance.now()) {
      this.#known = await tenantsWithSearchIndex(reads);
      this.#until = performance.now() + TIME_TO_LIVE_MS;
    }
    return this.#known.has(tenantId);
  }
}
