import type { GraphQLResolveInfo } from 'graphql';
import { AppError } from '../base/app-error.js';
import type { DocumentChunk } from '../chunks/chunk.entity.js';
import type { ReadScope } from '../db/read-scope.js';
import type { RequestContext } from '../graphql/context.js';
import { nestedRowSelectionOf } from '../graphql/selection.js';
import { hasAllHits } from './code-scan.js';
import { QueryVector } from './query-vector.js';
import { ScopeSizes } from './scope-sizes.js';
import { checkSearch, noSuchTenant, type Search, type SearchChunksInput, type SearchScope } from './search.inputs.js';
import { countChunks, rankChunks, tenantExists, type Ranked, type Ranking } from './search.queries.js';
import { SearchPath, SearchShortage, type ChunkSearchResult, type SearchCompleteness } from './search.types.js';

/** Up to this many chunks, comparing all of them exactly is the fastest way as well (`docs/search.md`). */
const MAX_EXACT = 1_000;

/** Searches of one operation, at most: each is a statement of its own over all that it may find, and text may cost a call of the embedding service. */
const MAX_SEARCHES = 10;

const scopeSizes = new ScopeSizes();
const searchesOf = new WeakMap<RequestContext, number>();

/** The chunks nearest to a text or a vector. Throws `BAD_USER_INPUT` and `NOT_FOUND` as `checkSearch` does, and what the embedder throws. */
export async function searchChunks(context: RequestContext, info: GraphQLResolveInfo, input: SearchChunksInput): Promise<ChunkSearchResult> {
  const startedAt = performance.now();
  countSearch(context);
  const { embedder, reads } = context;
  const search = checkSearch(input, { tenantId: reads.tenantId, embeddingModel: embedder.model, dimensions: embedder.dimensions });
  // May take a while: before the first statement, so that no connection waits for it.
  const vector = await vectorOf(search, context);

  const ranking = {
    path: await choosePath(reads, search.scope),
    vector,
    scope: search.scope,
    topK: search.topK,
    minSimilarity: search.minSimilarity,
    selection: nestedRowSelectionOf(info, context.models, ['hits', 'chunk']),
  };
  const [path, ranked] = await rank(reads, ranking);
  if (ranked.candidates === 0 && reads.tenantId === undefined && !(await tenantExists(reads, search.scope.tenantId))) throw noSuchTenant(search.scope.tenantId);

  return {
    hits: ranked.hits.map(({ chunk, similarity }, index) => ({ rank: index + 1, score: similarity, similarity, chunk: chunk as DocumentChunk })),
    completeness: completenessOf(search, path, ranked),
    mode: search.mode,
    embeddingModel: embedder.model,
    tookMs: Math.round((performance.now() - startedAt) * 100) / 100,
  };
}

function countSearch(context: RequestContext): void {
  const count = (searchesOf.get(context) ?? 0) + 1;
  if (count > MAX_SEARCHES) throw new AppError('QUERY_TOO_COMPLEX', `The operation searches more than ${MAX_SEARCHES} times.`, { field: 'Query.searchChunks' });
  searchesOf.set(context, count);
}

async function vectorOf({ query }: Search, { embedder, signal }: RequestContext): Promise<QueryVector> {
  if ('embedding' in query) return new QueryVector(query.embedding);
  const [vector] = await embedder.embed([query.text], signal);
  return new QueryVector(vector!);
}

/** The tenant's size decides, or the bot's: to know that of a scope by documents or metadata would cost as much as to search it. */
async function choosePath(reads: ReadScope, { tenantId, botId }: SearchScope): Promise<SearchPath> {
  const size = await scopeSizes.of(`${tenantId} ${botId ?? ''}`, () => countChunks(reads, { tenantId, botId }, MAX_EXACT + 1));
  return size > MAX_EXACT ? SearchPath.CODES : SearchPath.EXACT;
}

/** The exact scan follows where that of the codes could have missed a hit. */
async function rank(reads: ReadScope, ranking: Ranking): Promise<[SearchPath, Ranked]> {
  const ranked = await rankChunks(reads, ranking);
  if (ranked.exact || hasAllHits(ranked.edge, lowestWanted(ranking, ranked))) return [ranking.path, ranked];
  return [SearchPath.EXACT, await rankChunks(reads, { ...ranking, path: SearchPath.EXACT })];
}

/** The similarity above which a missed chunk would have been a hit. */
function lowestWanted({ topK, minSimilarity }: Ranking, { hits }: Ranked): number | undefined {
  return hits.length === topK ? hits.at(-1)!.similarity : minSimilarity;
}

function completenessOf({ topK }: Search, path: SearchPath, { hits, exact, candidates, comparable }: Ranked): SearchCompleteness {
  const shortage = comparable > hits.length ? SearchShortage.MIN_SIMILARITY : SearchShortage.NO_MORE_CHUNKS;
  return { requested: topK, returned: hits.length, exact, candidates, path, reason: hits.length < topK ? shortage : null };
}
