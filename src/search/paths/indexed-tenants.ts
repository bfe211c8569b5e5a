import type { ReadScope } from '../../db/read-scope.js';
import { tenantsWithSearchIndex } from '../../db/search-indexes.js';

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
