import { badInput } from '../base/app-error.js';
import type { RequestContext } from '../graphql/context.js';
import { uuidInput } from '../graphql/uuid-input.js';
import type { Search } from './check-search.js';
import { chunkFacts, type ChunkFacts } from './explain.queries.js';
import { SearchStage, type ChunkExplanation } from './explain.types.js';
import { fusedScore, fusionParts, hybridDepth, type FusionParts } from './hybrid-search.js';
import { runSearch, vectorOf } from './run-search.js';
import type { FusionScale, SearchHit, SearchResult } from './search-result.js';
import { parseSearch, completenessOf, checkTenantExists } from './search-chunks.js';
import type { SearchChunksInput } from './search.inputs.js';
import { SearchMode } from './search.types.js';

const NOTHING: ChunkFacts = {
  failedFilters: [],
  similarity: null,
  vectorRank: null,
  keywordScore: null,
  keywordRank: null,
  keyword: null,
};

/**
 * Why a chunk is or is not a hit: the search itself, and then what is true of the chunk. A foreign
 * chunk and an unknown one have the same explanation. Throws as `searchChunks` does.
 */
export async function explainChunk(
  context: RequestContext,
  input: SearchChunksInput,
  chunkId: string,
): Promise<ChunkExplanation> {
  context.searchCount.add(1, 'Query.explainChunk');
  if (input.after != null)
    throw badInput('input.after', 'explainChunk explains the whole search: remove input.after.');
  const search = parseSearch(context, input);
  const id = uuidInput('chunkId', chunkId);
  const vector = await vectorOf(search, context);
  const answer = await runSearch(context, search, vector, {
    columns: 't.id',
    highlight: false,
    contextHighlight: false,
    withCount: true,
  });
  if (answer.hits.length === 0) await checkTenantExists(context.reads, search.filter.tenantId);
  const facts = await chunkFacts(context.reads, search, vector, answer.bm25, id);
  const parts = facts && answer.scale ? partsOf(search, facts, answer.scale) : null;
  const rankedIds = answer.hits.slice(0, search.topK);
  const rank = rankedIds.findIndex(hit => hit.id === id) + 1;
  const droppedBy =
    rank > 0
      ? null
      : facts === undefined
        ? SearchStage.SCOPE
        : (leftOutBy(answer, id) ?? stageOf(search, facts, parts, rankedIds));
  return {
    isHit: rank > 0,
    droppedBy,
    ...(facts ?? NOTHING),
    failedFilters: [...(facts?.failedFilters ?? [])],
    vectorPart: parts?.vectorPart ?? null,
    keywordPart: parts?.keywordPart ?? null,
    rank: rank > 0 ? rank : null,
    keywordMatch: answer.match,
    completeness: completenessOf(search, answer, rankedIds.length),
  };
}

function leftOutBy({ leftOut }: SearchResult, id: string): SearchStage | undefined {
  const by = leftOut?.get(id);
  return by && { distinct: SearchStage.DISTINCT, maxPerDocument: SearchStage.MAX_PER_DOCUMENT }[by];
}

/** The first stage that left the chunk out, which is none of the hits. */
function stageOf(
  search: Search,
  facts: ChunkFacts,
  parts: FusionParts | null,
  rankedIds: readonly SearchHit[],
): SearchStage {
  const { mode, topK, minSimilarity } = search;
  const { similarity, vectorRank, keywordRank } = facts;
  const byVector = mode !== SearchMode.KEYWORD && vectorRank !== null;
  const byWords = mode !== SearchMode.VECTOR && keywordRank !== null;
  if (facts.failedFilters.length > 0) return SearchStage.FILTER;
  if (!byVector && !byWords) return SearchStage.MATCH;
  if (minSimilarity !== undefined && (similarity === null || similarity < minSimilarity))
    return SearchStage.THRESHOLD;
  if (mode === SearchMode.KEYWORD) return SearchStage.TOP_K;
  if (mode === SearchMode.VECTOR)
    return vectorRank! <= topK ? SearchStage.CANDIDATES : SearchStage.TOP_K;
  if (parts === null || !isFused(search, facts)) return SearchStage.CANDIDATES;
  const last = rankedIds.length < topK ? 0 : rankedIds.at(-1)!.score;
  return fusedScore(search.weights, parts) > last ? SearchStage.CANDIDATES : SearchStage.TOP_K;
}

/** Whether one of the rankings has the chunk as far down as they are added; it may add 0. */
function isFused({ topK, weights }: Search, { vectorRank, keywordRank }: ChunkFacts): boolean {
  return (
    (weights.vector > 0 && isWithin(topK, vectorRank)) ||
    (weights.keyword > 0 && isWithin(topK, keywordRank))
  );
}

function isWithin(topK: number, rank: number | null): boolean {
  return rank !== null && rank <= hybridDepth(topK);
}

/** What each ranking adds for the chunk, as far down as they are added. */
function partsOf(search: Search, facts: ChunkFacts, scale: FusionScale): FusionParts {
  return fusionParts(
    scale,
    isWithin(search.topK, facts.vectorRank) ? facts.similarity : null,
    isWithin(search.topK, facts.keywordRank) ? facts.keywordScore : null,
  );
}
