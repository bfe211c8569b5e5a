import type { OperationReads } from '../../db/operation-reads.js';
import { statement } from '../../db/statement.js';
import { SqlParameters } from '../../graphql/sql-parameters.js';
import { isFiltered, searchFilterSql, type SearchFilter } from '../search-filter.js';
import type { SearchServices } from '../search-services.js';
import { CODES_PATH } from './codes-path.js';
import { EXACT_PATH } from './exact-path.js';
import { HNSW_PATH } from './hnsw-path.js';
import type { VectorPath } from './vector-path.js';

/**
 * Up to this many chunks, comparing all of them exactly is the fastest way as well
 * (`docs/search-paths.md`).
 */
const MAX_EXACT = 1_000;

/**
 * The paths to try for a scope, in order: the next one follows where the one before could have
 * missed a hit. The last leaves nothing out.
 *
 * The tenant's size decides, or the bot's: to know that of a scope by documents or metadata would
 * cost as much as to search it. A path whose index knows nothing of filters must not be chosen for
 * a scope that `isFiltered`.
 */
export async function choosePaths(
  services: Pick<SearchServices, 'scopeSizes' | 'indexedTenants'>,
  reads: OperationReads,
  filter: SearchFilter,
  { exact }: { exact: boolean },
): Promise<readonly VectorPath[]> {
  if (exact) return [EXACT_PATH];
  const size = await cachedSize(services, reads, filter);
  if (size <= MAX_EXACT) return [EXACT_PATH];
  if (!isFiltered(filter) && (await services.indexedTenants.has(reads, filter.tenantId)))
    return [HNSW_PATH, CODES_PATH, EXACT_PATH];
  return [CODES_PATH, EXACT_PATH];
}

function cachedSize(
  { scopeSizes: chunkCounts }: Pick<SearchServices, 'scopeSizes'>,
  reads: OperationReads,
  { tenantId, botId }: SearchFilter,
): Promise<number> {
  return chunkCounts.of(`${tenantId} ${botId ?? ''}`, () =>
    countChunks(reads, { tenantId, botId }, MAX_EXACT + 1),
  );
}

/** How many chunks a tenant has, or one of its bots; counted up to `max` only. */
async function countChunks(
  reads: OperationReads,
  { tenantId, botId }: Pick<SearchFilter, 'tenantId' | 'botId'>,
  max: number,
): Promise<number> {
  const parameters = new SqlParameters();
  const conditions = searchFilterSql(
    { tenantId, botId, documentIds: undefined, metadata: undefined },
    parameters.add(tenantId, 'uuid'),
    parameters,
  );
  const text =
    `select count(*)::int as count from (select from doc_chunks t where ${conditions} ` +
    `limit ${parameters.add(max, 'int')}) counted`;
  const [row] = await reads.query<{ count: number }>(
    statement('searchScopeSize', text),
    parameters.values,
  );
  return row!.count;
}
