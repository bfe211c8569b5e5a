import type { GraphQLResolveInfo } from 'graphql';
import type { DocumentChunk } from '../chunks/chunk.entity.js';
import type { OperationReads } from '../db/operation-reads.js';
import type { PageInfo } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { nestedRowSelectionOf, nestedSelectionHas } from '../graphql/selection.js';
import { tenantNotFound } from './check-filter.js';
import { checkSearch, type Search } from './check-search.js';
import type { QueryVector } from './query-vector.js';
import { runSearch, vectorOf } from './run-search.js';
import type { SearchHit, HitSelection, SearchResult } from './search-result.js';
import { positionOf, writeCursor } from './search-cursor.js';
import type { SearchChunksInput } from './search.inputs.js';
import {
  SearchMode,
  SearchScoreKind,
  SearchShortage,
  type ChunkSearchHit,
  type ChunkSearchResult,
  type SearchCompleteness,
} from './search.types.js';
import { tenantExists } from './tenant-exists.js';
import { highlightOf } from './highlight.js';

const SCORE_KINDS = {
  [SearchMode.VECTOR]: SearchScoreKind.COSINE_SIMILARITY,
  [SearchMode.KEYWORD]: SearchScoreKind.KEYWORD_SCORE,
  [SearchMode.HYBRID]: SearchScoreKind.WEIGHTED_SUM,
};

/**
 * The chunks that match a text or a vector best. A search is: the checked input
 * (`check-search.ts`), its scope as SQL (`search-filter.ts`), a mode's ranking of it, where vectors
 * are compared along one of `paths/`, and the hits. Throws `BAD_USER_INPUT` and `NOT_FOUND` as
 * `checkSearch` does, and what the embedder throws.
 */
export async function searchChunks(
  context: RequestContext,
  info: GraphQLResolveInfo,
  input: SearchChunksInput,
): Promise<ChunkSearchResult> {
  const startedAt = performance.now();
  context.searchCount.add(1, 'Query.searchChunks');
  const search = parseSearch(context, input);
  // May take a while: before the first statement, so that no connection waits for it.
  const vector = await vectorOf(search, context);
  const answer = await runSearch(context, search, vector, selectionOf(context, info));
  if (answer.hits.length === 0) await checkTenantExists(context.reads, search.filter.tenantId);
  const selection = answer.hits.slice(0, search.topK);
  return {
    hits: selection.map((hit, index) => toHit(hit, (search.after?.hitsBefore ?? 0) + index + 1)),
    completeness: completenessOf(search, answer, selection.length),
    pageInfo: new SearchPage(search, vector, answer, selection),
    contextWindow: search.contextWindow,
    mode: search.mode,
    scoreKind: SCORE_KINDS[search.mode],
    keywordMatch: answer.match,
    embeddingModel: context.embedder.model,
    tookMs: Math.round((performance.now() - startedAt) * 100) / 100,
  };
}

export function parseSearch({ embedder, reads }: RequestContext, input: SearchChunksInput): Search {
  return checkSearch(input, {
    tenantId: reads.tenantId,
    embeddingModel: embedder.model,
    dimensions: embedder.dimensions,
    vectorWeight: embedder.vectorWeight,
  });
}

function selectionOf({ models }: RequestContext, info: GraphQLResolveInfo): HitSelection {
  const { model, properties } = nestedRowSelectionOf(info, models, ['hits', 'chunk']);
  return {
    columns: model.select(properties, 't'),
    highlight: nestedSelectionHas(info, ['hits', 'highlight']),
    contextHighlight: nestedSelectionHas(info, ['hits', 'contextHighlight']),
    withCount: nestedSelectionHas(info, ['completeness', 'candidates']),
  };
}

/** An operator names the tenant; that it exists is asked only where nothing was found. */
export async function checkTenantExists(reads: OperationReads, tenantId: string): Promise<void> {
  if (reads.tenantId === undefined && !(await tenantExists(reads, tenantId)))
    throw tenantNotFound(tenantId);
}

function toHit(
  { id: _id, block: _block, foundWords, chunk, ...scores }: SearchHit,
  rank: number,
): ChunkSearchHit {
  return {
    rank,
    ...scores,
    highlight: highlightOf(foundWords),
    contextHighlight: highlightOf(foundWords?.context),
    chunk: chunk as DocumentChunk,
  };
}

export function completenessOf(
  { topK, mode, minSimilarity }: Search,
  answer: SearchResult,
  returned: number,
): SearchCompleteness {
  const { exact, candidates, path, comparable } = answer;
  const shortage = (): SearchShortage => {
    if (answer.leftOut && answer.leftOut.size > 0) return SearchShortage.LEFT_OUT;
    if (mode === SearchMode.KEYWORD)
      return answer.hasWords ? SearchShortage.NO_MORE_MATCHES : SearchShortage.NO_WORDS;
    return minSimilarity !== undefined && comparable > returned
      ? SearchShortage.MIN_SIMILARITY
      : SearchShortage.NO_MORE_CHUNKS;
  };
  return {
    requested: topK,
    returned,
    exact,
    candidates,
    path,
    reason: returned < topK ? shortage() : null,
    hasMore: answer.hits.length > returned,
    notes: [...answer.notes],
  };
}

/** Where a page ends. A cursor that nobody selects is not made. */
class SearchPage implements PageInfo {
  constructor(
    private readonly search: Search,
    private readonly vector: QueryVector | undefined,
    private readonly answer: SearchResult,
    private readonly selection: readonly SearchHit[],
  ) {}

  get hasNextPage(): boolean {
    return this.#hasPages && this.answer.hits.length > this.selection.length;
  }

  get hasPreviousPage(): boolean {
    return this.search.after !== undefined;
  }

  get startCursor(): string | null {
    return this.#cursorOf(0);
  }

  get endCursor(): string | null {
    return this.#cursorOf(this.selection.length - 1);
  }

  get #hasPages(): boolean {
    return this.search.mode !== SearchMode.HYBRID && this.answer.leftOut === undefined;
  }

  #cursorOf(index: number): string | null {
    const hit = this.selection[index];
    if (!hit || !this.#hasPages) return null;
    const { after, embedding, cursorKey } = this.search;
    // A vector of the caller's own comes again with the next page.
    const vector = embedding === undefined ? this.vector : undefined;
    const hitsBefore = (after?.hitsBefore ?? 0) + index + 1;
    return writeCursor(cursorKey(), { ...positionOf(this.answer, hit, hitsBefore), vector });
  }
}
