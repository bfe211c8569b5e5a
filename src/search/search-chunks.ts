import type { GraphQLResolveInfo } from 'graphql';
import type { DocumentChunk } from '../chunks/chunk.entity.js';
import type { ReadScope } from '../db/read-scope.js';
import type { RequestContext } from '../graphql/context.js';
import { nestedRowSelectionOf } from '../graphql/selection.js';
import { checkSearch, noSuchTenant, type Search } from './check-search.js';
import { choosePaths } from './paths/choose-paths.js';
import { QueryVector } from './query-vector.js';
import { countSearch } from './search-budget.js';
import type { SearchChunksInput } from './search.inputs.js';
import { SearchShortage, type ChunkSearchResult, type SearchCompleteness } from './search.types.js';
import { tenantExists } from './tenant-exists.js';
import { searchVectors, type VectorAnswer } from './vector-search.js';

/**
 * The chunks nearest to a text or a vector. A search is: the checked input (`check-search.ts`), its scope as SQL (`search-scope.ts`), the
 * paths that can rank it (`paths/`), and the hits. Throws `BAD_USER_INPUT` and `NOT_FOUND` as `checkSearch` does, and what the embedder throws.
 */
export async function searchChunks(context: RequestContext, info: GraphQLResolveInfo, input: SearchChunksInput): Promise<ChunkSearchResult> {
  const startedAt = performance.now();
  countSearch(context, 'Query.searchChunks');
  const { embedder, reads } = context;
  const search = checkSearch(input, { tenantId: reads.tenantId, embeddingModel: embedder.model, dimensions: embedder.dimensions });
  // May take a while: before the first statement, so that no connection waits for it.
  const vector = await vectorOf(search, context);

  const { scope, topK, minSimilarity } = search;
  const paths = await choosePaths(reads, scope, { exact: false });
  const nearest = { vector, scope, wanted: topK, seen: 0, after: undefined, minSimilarity };
  const answer = await searchVectors(reads, paths, nearest, nestedRowSelectionOf(info, context.models, ['hits', 'chunk']));
  if (answer.candidates === 0) await refuseUnknownTenant(reads, scope.tenantId);

  return {
    hits: answer.hits.map(({ chunk, similarity }, index) => ({ rank: index + 1, score: similarity, similarity, chunk: chunk as DocumentChunk })),
    completeness: completenessOf(search, answer),
    mode: search.mode,
    embeddingModel: embedder.model,
    tookMs: Math.round((performance.now() - startedAt) * 100) / 100,
  };
}

async function vectorOf({ query }: Search, { embedder, signal }: RequestContext): Promise<QueryVector> {
  if ('embedding' in query) return new QueryVector(query.embedding);
  const [vector] = await embedder.embed([query.text], signal);
  return new QueryVector(vector!);
}

/** An operator names the tenant; that it exists is asked only where nothing was found. */
async function refuseUnknownTenant(reads: ReadScope, tenantId: string): Promise<void> {
  if (reads.tenantId === undefined && !(await tenantExists(reads, tenantId))) throw noSuchTenant(tenantId);
}

function completenessOf({ topK }: Search, { hits, exact, candidates, comparable, path }: VectorAnswer): SearchCompleteness {
  const shortage = comparable > hits.length ? SearchShortage.MIN_SIMILARITY : SearchShortage.NO_MORE_CHUNKS;
  return { requested: topK, returned: hits.length, exact, candidates, path, reason: hits.length < topK ? shortage : null };
}
