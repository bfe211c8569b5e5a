import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader } from '../graphql/loader.js';
import { choosePaths } from './paths/choose-paths.js';
import type { VectorPath } from './paths/vector-path.js';
import type { FoundHit } from './search-answer.js';
import { searchVectors } from './vector-search.js';

export interface SimilarAsk {
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
export const similarChunks = defineLoader<SimilarAsk, readonly FoundHit[]>(
  async (asks, context) => {
    const searches = asks.filter(({ first }) => first > 0);
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
      asks.map(ask =>
        ask.first === 0 ? [] : search(context, pathsOf.get(tenantOf(context, ask.chunk))!, ask),
      ),
    );
  },
);

async function search(
  context: RequestContext,
  paths: readonly VectorPath[],
  { chunk, first, columns }: SimilarAsk,
): Promise<readonly FoundHit[]> {
  const scope = { tenantId: tenantOf(context, chunk), exceptId: chunk.id };
  const nearest = {
    vector: { ofChunk: chunk.id },
    scope,
    wanted: first,
    seen: 0,
    after: undefined,
    minSimilarity: undefined,
  };
  return (
    await searchVectors(context.reads, paths, nearest, { columns, highlight: false, counts: false })
  ).hits;
}

/** The caller's own, whatever the row says; only the operator's comes from the row. */
function tenantOf({ reads }: RequestContext, chunk: Parent): string {
  return reads.tenantId ?? chunk.tenantId;
}
