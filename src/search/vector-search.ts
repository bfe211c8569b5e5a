import type { ReadScope } from '../db/read-scope.js';
import { selectNearest, type Compared, type Nearest } from './nearest.js';
import type { VectorPath } from './paths/vector-path.js';
import type { HitSelection, SearchAnswer } from './search-answer.js';

interface VectorRow {
  readonly _id: string | null;
  readonly _similarity: number;
}

/**
 * Mode VECTOR: the chunks of a scope that are nearest to a vector, by exact cosine similarity and
 * then by id.
 */
export async function searchVectors(
  reads: ReadScope,
  paths: readonly VectorPath[],
  nearest: Nearest,
  { columns, counts }: HitSelection,
): Promise<SearchAnswer & Compared> {
  const { seen, wanted, minSimilarity = -1 } = nearest;
  const { rows, path, compared } = await selectNearest<VectorRow>(reads, paths, nearest, {
    name: 'searchChunks',
    counts,
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
    found: all => ({
      comparable: comparableOf(all).length,
      lowest: similarOf(all, minSimilarity)[wanted - 1]?._similarity,
    }),
  });
  const hits = similarOf(rows, minSimilarity).map((row, index) => ({
    id: row._id,
    chunk: row,
    score: row._similarity,
    similarity: row._similarity,
    keywordScore: null,
    vectorRank: seen + index + 1,
    keywordRank: null,
    headline: null,
  }));
  return { ...compared, path: path.path, hits, match: null, hasWords: true };
}

type FoundRow = VectorRow & { readonly _id: string };

/** Without the row that stands for nothing found. */
function comparableOf(rows: readonly VectorRow[]): FoundRow[] {
  return rows.filter((row): row is FoundRow => row._id !== null);
}

function similarOf(rows: readonly VectorRow[], least: number): FoundRow[] {
  return comparableOf(rows).filter(({ _similarity }) => _similarity >= least);
}
