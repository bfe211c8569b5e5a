import type { OperationReads } from '../db/operation-reads.js';
import { selectNearest, type Comparison, type Nearest } from './nearest.js';
import type { VectorPath } from './paths/vector-path.js';
import type { HitSelection, SearchResult } from './search-result.js';

interface VectorRow {
  readonly _id: string | null;
  readonly _similarity: number;
}

/**
 * Mode VECTOR: the chunks of a scope that are nearest to a vector, by exact cosine similarity and
 * then by id.
 */
export async function searchVectors(
  reads: OperationReads,
  paths: readonly VectorPath[],
  nearest: Nearest,
  { columns, withCount }: HitSelection,
): Promise<SearchResult & Comparison> {
  const { hitsBefore, maxHits, minSimilarity = -1 } = nearest;
  const { rows, path, comparison } = await selectNearest<VectorRow>(reads, paths, nearest, {
    name: 'searchChunks',
    withCount,
    // Where a row lies (`ctid`) holds for its statement, and leads to it without an index. `limit
    // 1` keeps the join a look-up for each hit.
    select: ({ nearest: hits, total, tenant }) => ({
      select: `
    select total.*, hit.id as _id, hit.similarity as _similarity, chunk.*
      from (${total}) total
      left join (${hits}) hit on true
      left join lateral (
        select ${columns} from doc_chunks t
         where t.tenant_id = ${tenant} and t.ctid = hit.tid limit 1
      ) chunk on true
     order by hit.similarity desc, hit.id`,
    }),
    summarize: allRows => ({
      comparable: comparableOf(allRows).length,
      lowest: similarOf(allRows, minSimilarity)[maxHits - 1]?._similarity,
    }),
  });
  const hits = similarOf(rows, minSimilarity).map((row, index) => ({
    id: row._id,
    chunk: row,
    score: row._similarity,
    similarity: row._similarity,
    keywordScore: null,
    vectorRank: hitsBefore + index + 1,
    keywordRank: null,
    foundWords: null,
  }));
  return {
    ...comparison,
    path: path.path,
    hits,
    match: null,
    hasWords: true,
    bm25: undefined,
    notes: [],
  };
}

type HitRow = VectorRow & { readonly _id: string };

/** Without the row that stands for nothing found. */
function comparableOf(rows: readonly VectorRow[]): HitRow[] {
  return rows.filter((row): row is HitRow => row._id !== null);
}

function similarOf(rows: readonly VectorRow[], minSimilarity: number): HitRow[] {
  return comparableOf(rows).filter(({ _similarity }) => _similarity >= minSimilarity);
}
