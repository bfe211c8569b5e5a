import type { ReadScope } from '../db/read-scope.js';
import { selectNearest, type Compared, type Nearest } from './nearest.js';
import type { VectorPath } from './paths/vector-path.js';
import type { HitSelection, SearchAnswer } from './search-answer.js';

/** Mode VECTOR: the chunks of a scope that are nearest to a vector, by exact cosine similarity and then by id. */
export async function searchVectors(reads: ReadScope, paths: readonly VectorPath[], nearest: Nearest, { columns, counts }: HitSelection): Promise<SearchAnswer & Compared> {
  // `limit 1` keeps the join a look-up for each hit: the planner, who cannot know how few there are, might scan the tenant.
  const { rows, path, compared } = await selectNearest<{ _id: string | null; _similarity: number }>(
    reads, paths, nearest, {
      name: 'searchChunks',
      counts,
      select: ({ tenant }) => `
    select total.*, hit.id as _id, hit.similarity as _similarity, chunk.*
      from total left join nearest hit on true
      left join lateral (select ${columns} from doc_chunks t where t.tenant_id = ${tenant} and t.id = hit.id limit 1) chunk on true
     order by hit.similarity desc, hit.id`,
    },
  );
  const hits = rows.flatMap((row, index) =>
    row._id === null
      ? []
      : [{ id: row._id, chunk: row, score: row._similarity, similarity: row._similarity, keywordScore: null, vectorRank: nearest.seen + index + 1, keywordRank: null, headline: null }],
  );
  return { ...compared, path: path.path, hits, match: null, hasWords: true };
}
