import type { OperationReads } from '../db/operation-reads.js';
import { statement } from '../db/statement.js';
import { SqlParameters } from '../graphql/sql-parameters.js';
import {
  BLOCK,
  edgesSql,
  FIRST_BLOCK,
  isAllMatchedSql,
  matchedSql,
  scoredSql,
  type Block,
  type Bm25,
} from './bm25.js';
import type { HitSelection, SearchHit, SearchResult } from './search-result.js';
import type { SearchPosition } from './search-cursor.js';
import { searchFilterSql, type SearchFilter } from './search-filter.js';
import { KeywordMatch, SearchPath } from './search.types.js';
import { foundWordsSql } from './words.js';
import type { FoundWords } from './highlight.js';

export interface KeywordSearch {
  readonly bm25: Bm25;
  readonly filter: SearchFilter;
  readonly maxHits: number;
  readonly after: SearchPosition | undefined;
  /** Whether all chunks that have the words are scored, however many. */
  readonly exact: boolean;
}

/** After the last chunk of the block, which is that of `ends`. */
const BEYOND_ENDS =
  'where matched.key < ends.key or (matched.key = ends.key and matched.id > ends.id)';

interface KeywordRow {
  readonly _candidates: number;
  /** Whether there are chunks beyond the block. */
  readonly _has_more: boolean;
  readonly _has_all: boolean | null;
  readonly _end_key: number | null;
  readonly _end_id: string | null;
  readonly _id: string | null;
  readonly _score: number;
  readonly _found_words: FoundWords | null;
}

/**
 * Mode KEYWORD: the chunks of a scope that have words of a text, the best first and then by id. One
 * statement, and one more where a page goes on beyond a block.
 */
export async function searchKeywords(
  reads: OperationReads,
  search: KeywordSearch,
  selection: HitSelection,
): Promise<SearchResult> {
  const { bm25, maxHits, after } = search;
  const hits: SearchHit[] = [];
  let block = after?.keyword?.block ?? FIRST_BLOCK;
  let isLast = bm25.words.length === 0;
  let candidates = 0;
  let isComplete = true;
  let match = after?.match ?? null;
  let position: Pick<SearchPosition, 'score' | 'id'> | undefined = after;
  while (!isLast && hits.length < maxHits) {
    const rows = await readBlock(reads, search, selection, {
      block,
      position,
      maxHits: maxHits - hits.length,
    });
    const first = rows[0]!;
    candidates = first._candidates;
    isLast = !first._has_more;
    isComplete &&= isLast && block.from === null;
    const here: Block = { from: block.from, to: isLast ? null : (block.to ?? endOf(first)) };
    if (first._has_all !== null)
      match ??= first._has_all ? KeywordMatch.ALL_WORDS : KeywordMatch.ANY_WORD;
    for (const row of rows)
      if (row._id !== null)
        hits.push({
          id: row._id,
          chunk: row,
          score: row._score,
          similarity: null,
          keywordScore: row._score,
          vectorRank: null,
          keywordRank: (after?.hitsBefore ?? 0) + hits.length + 1,
          foundWords: row._found_words,
          block: here,
        });
    block = { from: here.to, to: null };
    position = undefined;
  }
  return {
    hits,
    path: SearchPath.WORDS,
    exact: isComplete,
    candidates,
    comparable: candidates,
    match,
    hasWords: bm25.words.length > 0,
    bm25,
    notes: [],
  };
}

function endOf({ _end_key: key, _end_id: id }: KeywordRow): Block['to'] {
  return key === null || id === null ? null : { key, id };
}

async function readBlock(
  reads: OperationReads,
  { bm25, filter, exact }: KeywordSearch,
  selection: HitSelection,
  {
    block,
    position,
    maxHits,
  }: {
    readonly block: Block;
    readonly position: Pick<SearchPosition, 'score' | 'id'> | undefined;
    readonly maxHits: number;
  },
): Promise<KeywordRow[]> {
  const parameters = new SqlParameters();
  const tenant = parameters.add(filter.tenantId, 'uuid');
  const reach = { from: block.from, isAll: exact };
  const tables = [
    ...matchedSql(bm25, searchFilterSql(filter, tenant, parameters), parameters, reach),
    // What was stored since may not push others out of the block of the page before.
    ...scoredSql(bm25, tenant, block, exact || position ? null : BLOCK, parameters),
  ];
  const hasMore = exact
    ? 'false'
    : `exists (select from matched ${beyondSql(block, parameters)})
        or not ${isAllMatchedSql(bm25, reach, parameters)}`;
  const after = position ? `where ${afterSql(position, parameters)}` : '';
  const sql = `
    with ${tables.join(', ')},
    found as materialized (
      select id, score from scored ${after}
       order by score desc, id limit ${parameters.add(maxHits, 'int')}
    )
    select total.*, hit.id as _id, hit.score as _score, chunk.*
      from (select (select count(*)::int from matched) as _candidates,
                   ${hasMore} as _has_more,
                   (select bool_or(has_all) from scored) as _has_all,
                   ends.key as _end_key, ends.id as _end_id
              from (select) one
              left join (select key, id from block order by key, id desc limit 1) ends on true
           ) total
      left join found hit on true
      left join lateral (
        select ${selection.columns}, ${foundWordsSql(selection)} as _found_words
          from doc_chunks t where t.tenant_id = ${tenant} and t.id = hit.id limit 1
      ) chunk on true
     order by hit.score desc, hit.id`;
  return reads.query<KeywordRow>(statement('searchChunks_words', sql), parameters.values);
}

/** What comes after a block, as a `where`. */
function beyondSql({ to }: Block, parameters: SqlParameters): string {
  return to ? edgesSql({ from: to, to: null }, parameters) : BEYOND_ENDS;
}

function afterSql(
  { score, id }: Pick<SearchPosition, 'score' | 'id'>,
  parameters: SqlParameters,
): string {
  const scoreParameter = parameters.add(score, 'float8');
  return (
    `(score < ${scoreParameter} or (score = ${scoreParameter} and id > ` +
    `${parameters.add(id, 'uuid')}))`
  );
}
