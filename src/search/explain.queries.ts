import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import type { Search } from './check-search.js';
import type { QueryVector } from './query-vector.js';
import { filterConditions, searchFilterSql } from './search-filter.js';
import type { SearchResult } from './search-result.js';
import { matchedCtes, scoreSql, wordsCte } from './words.js';

/** What is true of one chunk, whatever a search made of it. */
export interface ChunkFacts {
  readonly failedFilters: readonly string[];
  readonly similarity: number | null;
  readonly vectorRank: number | null;
  readonly keywordScore: number | null;
  readonly keywordRank: number | null;
}

type FactsRow = Omit<ChunkFacts, 'failedFilters'> & {
  readonly [condition: `_filter${number}`]: boolean | null;
};

/**
 * Everything about one chunk that a search could have left it out for; undefined where there is no
 * such chunk for the caller. `match` is which of the words of `query` counted; null: none was
 * found. One statement, which compares all chunks of the scope exactly: it costs what the slowest
 * search does.
 */
export async function chunkFacts(
  reads: OperationReads,
  search: Search,
  vector: QueryVector | undefined,
  { match, query }: Pick<SearchResult, 'match' | 'query'>,
  chunkId: string,
): Promise<ChunkFacts | undefined> {
  const { filter } = search;
  const parameters = new SqlParameters();
  const tenant = parameters.add(filter.tenantId, 'uuid');
  const filters = filterConditions(filter, tenant, parameters);
  const conditions = searchFilterSql(filter, tenant, parameters);
  const similarity = `nullif(1 - (t.embedding <=> (select vector from query)), 'NaN')`;
  const words =
    match && query ? [wordsCte(query, tenant, parameters), matchedCtes(conditions, match)] : [];
  const ctes = [
    `query as materialized (select ${parameters.add(vector ?? null, 'halfvec(1536)')} as vector)`,
    ...words,
  ];
  const select = [
    't.id',
    `${similarity} as similarity`,
    `${words.length > 0 ? scoreSql(match!) : 'null::float8'} as score`,
    ...filters.map((condition, index) => `coalesce(${condition.sql}, false) as "_filter${index}"`),
  ];
  const rankAmong = (others: string, measure: string): string =>
    `case when of.${measure} is not null then 1 + (
       select count(*)::int from ${others} other
        where other.${measure} > of.${measure}
           or (other.${measure} = of.${measure} and other.id < of.id)
     ) end`;
  const comparedSql =
    `(select t.id, ${similarity} as similarity from doc_chunks t where ${conditions} ` +
    'and t.embedding is not null)';
  const sql = `
    with ${ctes.join(', ')},
    of as materialized (
      select ${select.join(', ')} from doc_chunks t
       where t.tenant_id = ${tenant} and t.id = ${parameters.add(chunkId, 'uuid')}
    )
    select of.*, of.score as "keywordScore",
           ${rankAmong(comparedSql, 'similarity')} as "vectorRank",
           ${words.length > 0 ? rankAmong('matched', 'score') : 'null::int'} as "keywordRank"
      from of`;
  const [row] = await reads.query<FactsRow>(statement('explainChunk', sql), parameters.values);
  if (!row) return undefined;
  const failedFilters = filters.flatMap((condition, index) =>
    row[`_filter${index}`] === true ? [] : [condition.field],
  );
  const { vectorRank, keywordScore, keywordRank } = row;
  return { failedFilters, similarity: row.similarity, vectorRank, keywordScore, keywordRank };
}
