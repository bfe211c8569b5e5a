import type { OperationReads } from '../db/operation-reads.js';
import { selectNearest, type Nearest, type NearestSummary } from './nearest.js';
import type { VectorPath } from './paths/vector-path.js';
import type { HitSelection, SearchResult } from './search-result.js';
import { SearchNote, type KeywordMatch } from './search.types.js';
import type { FoundWords } from './highlight.js';
import type { KeywordQuery } from './keyword-query.js';
import { foundWordsSql, matchedCtes, wordsCte } from './words.js';

/** How much each ranking counts. */
export interface FusionWeights {
  readonly vector: number;
  readonly keyword: number;
}

/** How much of each ranking is fused: what is further down in both could not get far. */
const MIN_DEPTH = 50;
const DEPTH_PER_HIT = 2;

/**
 * The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): by how little the
 * first ranks outdo the next.
 */
const RANK_CONSTANT = 60;

/** How far down each of the two rankings is fused, for so many hits. */
export function hybridDepth(topK: number): number {
  return Math.max(MIN_DEPTH, DEPTH_PER_HIT * topK);
}

/** Reciprocal rank fusion of two ranks, of which either may be missing. */
export function fusedScore(
  weights: FusionWeights,
  vectorRank: number | null,
  keywordRank: number | null,
): number {
  const part = (weight: number, rank: number | null): number =>
    rank === null ? 0 : weight / (RANK_CONSTANT + rank);
  return part(weights.vector, vectorRank) + part(weights.keyword, keywordRank);
}

export interface HybridSearch {
  readonly nearest: Omit<Nearest, 'maxHits' | 'hitsBefore' | 'after'>;
  readonly query: KeywordQuery;
  readonly weights: FusionWeights;
  readonly topK: number;
}

interface HybridRow {
  readonly _match: KeywordMatch | null;
  readonly _has_words: boolean;
  readonly _id: string | null;
  readonly _score: number;
  readonly _vector_rank: number | null;
  readonly _keyword_rank: number | null;
  readonly _keyword_score: number | null;
  readonly _similarity: number | null;
  readonly _is_cut: boolean;
  readonly _found_words: FoundWords | null;
  /**
   * How many are near by vector, and the similarity of the last where those are as many as wanted.
   */
  readonly _comparable: number;
  readonly _lowest: number | null;
}

/**
 * Mode HYBRID: the first by vector and the first by words, fused by their ranks. One statement
 * along each path.
 */
export async function searchHybrid(
  reads: OperationReads,
  paths: readonly VectorPath[],
  search: HybridSearch,
  { columns, highlight, withCount }: HitSelection,
): Promise<SearchResult> {
  const { query, weights, topK } = search;
  const depth = hybridDepth(topK);
  const maxHits = topK + 1;
  const nearest = { ...search.nearest, maxHits: depth, hitsBefore: 0, after: undefined };
  const summarize = ([row]: readonly HybridRow[]): NearestSummary => ({
    comparable: row!._comparable,
    lowest: row!._lowest ?? undefined,
  });
  const { rows, path, comparison } = await selectNearest<HybridRow>(reads, paths, nearest, {
    name: 'searchHybrid',
    withCount,
    summarize,
    select: ({ nearest: byVector, total, vector, tenant, conditions, parameters }) => {
      // A least similarity holds for whatever is shown, so what only words find is measured as
      // well.
      const similarity = `1 - (t.embedding <=> ${vector})`;
      const isSimilar =
        nearest.minSimilarity === undefined
          ? ''
          : ' and t.embedding is not null ' +
            `and ${similarity} between ${parameters.add(nearest.minSimilarity, 'float8')} and 1`;
      const limit = parameters.add(depth, 'int');
      const tables = [
        `top as materialized (${byVector})`,
        'nearest as materialized (select id, similarity from top where similarity >= ' +
          `${parameters.add(nearest.minSimilarity ?? -1, 'float8')})`,
        wordsCte(query, tenant, parameters),
        matchedCtes(`${conditions}${isSimilar}`, undefined),
        `worded as materialized (
      select id, score, row_number() over (order by score desc, id)::int as rank
        from matched order by score desc, id limit ${limit}
    )`,
        `fused as materialized (
      select id, sum(weight / (${RANK_CONSTANT} + rank)) as score, max(vector_rank) as vector_rank,
             max(keyword_rank) as keyword_rank, max(keyword_score) as keyword_score
        from (
          select id, ${parameters.add(weights.vector, 'float8')} as weight, rank,
                 rank as vector_rank, null::int as keyword_rank, null::float8 as keyword_score
            from (select id, row_number() over (order by similarity desc, id)::int as rank
                    from nearest) by_vector
           union all
          select id, ${parameters.add(weights.keyword, 'float8')}, rank, null, rank, score
            from worded
        ) ranked
       group by id having sum(weight) > 0
       order by score desc, id limit ${parameters.add(maxHits, 'int')}
    )`,
      ];
      const select = `
    select total.*, (select count(*)::int from top) as _comparable,
           (select min(similarity) from nearest having count(*) >= ${limit}) as _lowest,
           kind as _match, has_words as _has_words, is_cut as _is_cut, hit.id as _id,
             hit.score as _score,
           hit.vector_rank as _vector_rank, hit.keyword_rank as _keyword_rank,
           hit.keyword_score as _keyword_score, chunk.*
      from (${total}) total cross join match cross join words
      left join fused hit on true
      left join lateral (
        select ${columns}, nullif(${similarity}, 'NaN') as _similarity,
               ${highlight ? foundWordsSql() : 'null::jsonb'} as _found_words
          from doc_chunks t where t.tenant_id = ${tenant} and t.id = hit.id limit 1
      ) chunk on true
     order by hit.score desc, hit.id`;
      return { tables, select };
    },
  });
  const hits = rows.flatMap(row =>
    row._id === null
      ? []
      : [
          {
            id: row._id,
            chunk: row,
            score: row._score,
            similarity: row._similarity,
            keywordScore: row._keyword_score,
            vectorRank: row._vector_rank,
            keywordRank: row._keyword_rank,
            foundWords: row._found_words,
          },
        ],
  );
  return {
    ...comparison,
    path: path.path,
    hits,
    match: rows[0]!._match,
    hasWords: rows[0]!._has_words,
    query,
    notes: rows[0]!._is_cut ? [SearchNote.FIRST_WORDS_ONLY] : [],
  };
}
