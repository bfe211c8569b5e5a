/**
 * Names of the indexes that `weaver search tune` makes: one for each large tenant, with the
 * tenant's id in its name. No migration and no entity knows them, so whatever compares the database
 * with the model must pass over these names. PostgreSQL adds the last part to what an interrupted
 * `reindex concurrently` leaves behind.
 */
export const SEARCH_INDEX_NAME = new RegExp(
  `^doc_chunks_ann_${[8, 4, 4, 4, 12].map(digits => `([0-9a-f]{${digits}})`).join('')}` +
    String.raw`(_cc(?:new|old)\d*)?$`,
);

/** The same names, as a pattern of PostgreSQL. */
export const SEARCH_INDEX_NAME_IN_SQL = '^doc_chunks_ann_[0-9a-f]{32}(_cc(new|old)[0-9]*)?$';

export function searchIndexName(tenantId: string): string {
  return `doc_chunks_ann_${tenantId.toLowerCase().replaceAll('-', '')}`;
}

/** The id of the tenant whose index has this name. */
export function tenantOfSearchIndex(name: string): string {
  const parts = SEARCH_INDEX_NAME.exec(name);
  if (!parts) throw new TypeError(`${name} is not the name of a tenant's index.`);
  return parts.slice(1, 6).join('-');
}
