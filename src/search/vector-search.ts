import type { ReadScope } from '../db/read-scope.js';
import type { RowSelection } from '../graphql/selection.js';
import { selectNearest, type Compared, type Nearest } from './nearest.js';
import type { VectorPath } from './paths/vector-path.js';
import type { SearchPath } from './search.types.js';

export interface VectorAnswer extends Compared {
  readonly path: SearchPath;
  /** The chunks with their similarities, the nearest first. */
  readonly hits: readonly { readonly chunk: object; readonly similarity: number }[];
}

/** The chunks of a scope that are nearest to a vector, by exact cosine similarity and then by id. */
export async function searchVectors(reads: ReadScope, paths: readonly VectorPath[], nearest: Nearest, selection: RowSelection): Promise<VectorAnswer> {
  const columns = selection.model.select(selection.properties, 't');
  // `limit 1` keeps the join a look-up for each hit: the planner, who cannot know how few there are, might scan the tenant.
  const { rows, path, compared } = await selectNearest<{ _similarity: number | null }>(
    reads, paths, 'searchChunks', nearest,
    ({ tenant }) => `
    select total.*, hit.similarity as _similarity, chunk.*
      from total left join nearest hit on true
      left join lateral (select ${columns} from doc_chunks t where t.tenant_id = ${tenant} and t.id = hit.id limit 1) chunk on true
     order by hit.rank`,
  );
  return { ...compared, path: path.path, hits: rows.flatMap(row => (row._similarity === null ? [] : [{ chunk: row, similarity: row._similarity }])) };
}
