import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import type { HitSelection, SearchResult } from './search-result.js';
import type { SearchPosition } from './search-cursor.js';
import { searchFilterSql, type SearchFilter } from './search-filter.js';
import { SearchNote, SearchPath, type KeywordMatch } from './search.types.js';
import type { FoundWords } from './highlight.js';
import type { KeywordQuery } from './keyword-query.js';
import { foundWordsSql, matchedCtes, wordsCte } from './words.js';

export interface KeywordSearch {
  readonly query: KeywordQuery;
  readonly filter: SearchFilter;
  readonly maxHits: number;
  readonly after: SearchPosition | undefined;
}

interface KeywordRow {
  readonly _candidates: number;
  readonly _match: KeywordMatch | null;
  readonly _has_words: boolean;
  readonly _id: string | null;
  readonly _score: number;
  readonly _is_cut: boolean;
  readonly _found_words: FoundWords | null;
}

/**
 * Mode KEYWORD: the chunks of a scope that have the words of a text, the best match first and then
 * by id. One statement.
 */
export async function searchKeywords(
  reads: OperationReads,
  { query, filter, maxHits, after }: KeywordSearch,
  { columns, highlight }: HitSelection,
): Promise<SearchResult> {
  const parameters = new SqlParameters();
  const tenant = parameters.add(filter.tenantId, 'uuid');
  const words = wordsCte(query, tenant, parameters);
  const matched = matchedCtes(searchFilterSql(filter, tenant, parameters), after?.match);
  const afterCondition = after ? `where ${afterSql(after, parameters)}` : '';
  const sql = `
    with ${words}, ${matched},
    found as materialized (
      select id, score from matched ${afterCondition}
       order by score desc, id limit ${parameters.add(maxHits, 'int')}
    )
    select total.*, hit.id as _id, hit.score as _score, chunk.*
      from (select (select count(*)::int from matched) as _candidates,
                   kind as _match, has_words as _has_words, is_cut as _is_cut
              from match, words) total
      left join found hit on true
      left join lateral (
        select ${columns}, ${highlight ? foundWordsSql() : 'null::jsonb'} as _found_words
          from doc_chunks t where t.tenant_id = ${tenant} and t.id = hit.id limit 1
      ) chunk on true
     order by hit.score desc, hit.id`;
  const rows = await reads.query<KeywordRow>(
    statement('searchChunks_words', sql),
    parameters.values,
  );
  const { _candidates: candidates, _match: match, _has_words: hasWords, _is_cut: isCut } = rows[0]!;
  const hitsBefore = after?.hitsBefore ?? 0;
  const hits = rows.flatMap((row, index) =>
    row._id === null
      ? []
      : [
          {
            id: row._id,
            chunk: row,
            score: row._score,
            similarity: null,
            keywordScore: row._score,
            vectorRank: null,
            keywordRank: hitsBefore + index + 1,
            foundWords: row._found_words,
          },
        ],
  );
  return {
    hits,
    path: SearchPath.WORDS,
    exact: true,
    candidates,
    comparable: candidates,
    match,
    hasWords,
    query,
    notes: isCut ? [SearchNote.FIRST_WORDS_ONLY] : [],
  };
}

function afterSql({ score, id }: SearchPosition, parameters: SqlParameters): string {
  const scoreParameter = parameters.add(score, 'float8');
  return (
    `(score < ${scoreParameter} or (score = ${scoreParameter} and id > ` +
    `${parameters.add(id, 'uuid')}))`
  );
}
