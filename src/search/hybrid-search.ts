import type { OperationReads } from '../db/operation-reads.js';
import { BLOCK, FIRST_BLOCK, matchedSql, scoredSql, type Bm25 } from './bm25.js';
import { selectNearest, type Nearest, type NearestSummary } from './nearest.js';
import type { VectorPath } from './paths/vector-path.js';
import type { FusionScale, HitSelection, SearchResult } from './search-result.js';
import { KeywordMatch, SearchNote } from './search.types.js';
import { foundWordsSql } from './words.js';
import type { FoundWords } from './highlight.js';

/** How much each ranking counts. */
export interface FusionWeights {
  readonly vector: number;
  readonly keyword: number;
}

/** How much of each ranking is fused: what is further down in both could not get far. */
const MIN_DEPTH = 50;
const DEPTH_PER_HIT = 2;

/** How far down each of the two rankings is fused, for so many hits. */
export function hybridDepth(topK: number): number {
  return Math.max(MIN_DEPTH, DEPTH_PER_HIT * topK);
}

/** The two parts of a hit's score, 0 to 1; 0 where a ranking is without the chunk. */
export interface FusionParts {
  readonly vectorPart: number;
  readonly keywordPart: number;
}

export function fusionParts(
  { highest, lowest, keyword }: FusionScale,
  similarity: number | null,
  keywordScore: number | null,
): FusionParts {
  const part = (value: number, range: number): number =>
    range > 0 ? Math.min(1, Math.max(0, value / range)) : 1;
  return {
    vectorPart:
      similarity === null || highest === null || lowest === null
        ? 0
        : part(similarity - lowest, highest - lowest),
    keywordPart: keywordScore === null ? 0 : part(keywordScore, keyword),
  };
}

export function fusedScore(weights: FusionWeights, parts: FusionParts): number {
  return weights.vector * parts.vectorPart + weights.keyword * parts.keywordPart;
}

export interface HybridSearch {
  readonly nearest: Omit<Nearest, 'maxHits' | 'hitsBefore' | 'after'>;
  readonly bm25: Bm25;
  readonly weights: FusionWeights;
  /** How far down each ranking is added, as `hybridDepth` says. */
  readonly depth: number;
  readonly maxHits: number;
}

interface HybridRow {
  readonly _has_all: boolean | null;
  readonly _id: string | null;
  readonly _score: number;
  readonly _vector_rank: number | null;
  readonly _keyword_rank: number | null;
  readonly _keyword_score: number | null;
  readonly _similarity: number | null;
  readonly _found_words: FoundWords | null;
  /**
   * How many are near by vector, and the similarity of the last where those are as many as wanted.
   */
  readonly _comparable: number;
  readonly _lowest: number | null;
  /** What similarities and keyword scores are measured by. */
  readonly _highest_similarity: number | null;
  readonly _lowest_similarity: number | null;
  readonly _keyword_scale: number;
}

/**
 * Mode HYBRID: the first by vector and the first by words, by the sum of both scores. One statement
 * along each path.
 *
 * Scores of two kinds are added after they are measured by what the search found. A similarity
 * counts from the last of the ranking on, since models differ in where similarities begin; from 0
 * where the ranking holds all there is, of which the last is no worse than the first by any
 * measure. A keyword score counts by the highest one, or by the weight of all words where that is
 * more: what has one common word of many is no good match, though it may be the best.
 */
export async function searchHybrid(
  reads: OperationReads,
  paths: readonly VectorPath[],
  search: HybridSearch,
  selection: HitSelection,
): Promise<SearchResult> {
  const { columns, withCount } = selection;
  const { bm25, weights, depth, maxHits } = search;
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
      const [vectorWeight, keywordWeight, totalWeight] = [
        weights.vector,
        weights.keyword,
        bm25.total,
      ].map(number => parameters.add(number, 'float8'));
      const tables = [
        `top as materialized (${byVector})`,
        'nearest as materialized (select id, similarity from top where similarity >= ' +
          `${parameters.add(nearest.minSimilarity ?? -1, 'float8')})`,
        ...matchedSql(bm25, `${conditions}${isSimilar}`, parameters),
        ...scoredSql(bm25, tenant, FIRST_BLOCK, BLOCK, parameters),
        `worded as materialized (
      select id, score, row_number() over (order by score desc, id)::int as rank
        from scored order by score desc, id limit ${limit}
    )`,
        `scale as materialized (
      select max(similarity) as highest,
             case when count(*) >= ${limit} then min(similarity) else least(0, min(similarity)) end
               as lowest,
             (select greatest(${totalWeight}, max(score)) from worded) as keyword
        from nearest
    )`,
        `fused as materialized (
      select id, sum(weight * part) as score, max(vector_rank) as vector_rank,
             max(keyword_rank) as keyword_rank, max(keyword_score) as keyword_score
        from (
          select id, ${vectorWeight} as weight,
                 coalesce((similarity - lowest) / nullif(highest - lowest, 0), 1) as part,
                 row_number() over (order by similarity desc, id)::int as vector_rank,
                 null::int as keyword_rank, null::float8 as keyword_score
            from nearest, scale
           union all
          select id, ${keywordWeight}, coalesce(score / nullif(keyword, 0), 1), null, rank, score
            from worded, scale
        ) ranked
       group by id having sum(weight) > 0
       order by score desc, id limit ${parameters.add(maxHits, 'int')}
    )`,
      ];
      const select = `
    select total.*, (select count(*)::int from top) as _comparable,
           (select min(similarity) from nearest having count(*) >= ${limit}) as _lowest,
           (select bool_or(has_all) from scored) as _has_all, scale.highest as _highest_similarity,
           scale.lowest as _lowest_similarity, scale.keyword as _keyword_scale,
           hit.id as _id, hit.score as _score,
           hit.vector_rank as _vector_rank, hit.keyword_rank as _keyword_rank,
           hit.keyword_score as _keyword_score, chunk.*
      from (${total}) total cross join scale
      left join fused hit on true
      left join lateral (
        select ${columns}, nullif(${similarity}, 'NaN') as _similarity,
               ${foundWordsSql(selection)} as _found_words
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
  const first = rows[0]!;
  return {
    ...comparison,
    path: path.path,
    hits,
    match:
      first._has_all === null
        ? null
        : first._has_all
          ? KeywordMatch.ALL_WORDS
          : KeywordMatch.ANY_WORD,
    hasWords: bm25.words.length > 0,
    bm25,
    notes: bm25.question.isCut ? [SearchNote.FIRST_WORDS_ONLY] : [],
    scale: {
      highest: first._highest_similarity,
      lowest: first._lowest_similarity,
      keyword: first._keyword_scale,
    },
  };
}
