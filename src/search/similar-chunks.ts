import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader } from '../graphql/loader.js';
import { choosePaths } from './paths/choose-paths.js';
import type { VectorPath } from './paths/vector-path.js';
import type { SearchHit } from './search-result.js';
import { searchVectors } from './vector-search.js';

export interface SimilarRequest {
  readonly chunk: Parent;
  readonly first: number;
  /** The columns to read, of `doc_chunks t`. */
  readonly columns: string;
}

/**
 * The chunks of a tenant whose vectors are nearest to a chunk's own, without it. Of a level, the
 * way to search is chosen once for each tenant; each chunk is a search with a statement of its own,
 * sent together, and counts as one. None for a chunk without a vector. Who asks for none is no
 * search.
 */
export const similarChunks = defineLoader<SimilarRequest, readonly SearchHit[]>(
  async (requests, context) => {
    const searches = requests.filter(({ first }) => first > 0);
    context.searchCount.add(searches.length, 'DocumentChunk.similar');
    const pathsOf = new Map<string, readonly VectorPath[]>();
    for (const { chunk } of searches) {
      const tenantId = tenantOf(context, chunk);
      if (!pathsOf.has(tenantId))
        pathsOf.set(
          tenantId,
          await choosePaths(context.search, context.reads, { tenantId }, { exact: false }),
        );
    }
    return Promise.all(
      requests.map(request =>
        request.first === 0
          ? []
          : search(context, pathsOf.get(tenantOf(context, request.chunk))!, request),
      ),
    );
  },
);

async function search(
  context: RequestContext,
  paths: readonly VectorPath[],
  { chunk, first, columns }: SimilarRequest,
): Promise<readonly SearchHit[]> {
  const filter = { tenantId: tenantOf(context, chunk), exceptId: chunk.id };
  const nearest = {
    vector: { chunkId: chunk.id },
    filter,
    maxHits: first,
    hitsBefore: 0,
    after: undefined,
    minSimilarity: undefined,
  };
  return (
    await searchVectors(context.reads, paths, nearest, {
      columns,
      highlight: false,
      contextHighlight: false,
      withCount: false,
    })
  ).hits;
}

/** The caller's own, whatever the row says; only the operator's comes from the row. */
function tenantOf({ reads }: RequestContext, chunk: Parent): string {
  return reads.tenantId ?? chunk.tenantId;
}
