import type { OperationReads } from '../db/operation-reads.js';
import type { RequestContext } from '../graphql/context.js';
import type { Search } from './check-search.js';
import { searchHybrid } from './hybrid-search.js';
import {
  parseKeywordQuery,
  plainQuery,
  withoutExclusions,
  type KeywordQuery,
} from './keyword-query.js';
import { searchKeywords } from './keyword-search.js';
import { choosePaths } from './paths/choose-paths.js';
import { QueryVector } from './query-vector.js';
import { vectorOfText } from './query-vectors.js';
import type { HitSelection, SearchResult } from './search-result.js';
import { SearchMode, SearchNote } from './search.types.js';
import { searchVectors } from './vector-search.js';

/** The vector to compare with; undefined in the mode KEYWORD, which works without the embedder. */
export async function vectorOf(
  { mode, after, embedding, text, filter }: Search,
  context: RequestContext,
): Promise<QueryVector | undefined> {
  if (mode === SearchMode.KEYWORD) return undefined;
  return (
    after?.vector ??
    (embedding ? QueryVector.of(embedding) : vectorOfText(context, filter.tenantId, text!))
  );
}

/**
 * What a checked search finds in its mode: one hit more than asked for where there are more.
 * `vector` is what `vectorOf` gave.
 */
export async function runSearch(
  context: RequestContext,
  search: Search,
  vector: QueryVector | undefined,
  selection: HitSelection,
): Promise<SearchResult> {
  const startedAt = performance.now();
  const answer = await searchInMode(context, search, vector, selection);
  context.search.seconds?.observe(
    { mode: search.mode, path: answer.path },
    (performance.now() - startedAt) / 1_000,
  );
  return answer;
}

async function searchInMode(
  { reads, search: services }: RequestContext,
  search: Search,
  vector: QueryVector | undefined,
  selection: HitSelection,
): Promise<SearchResult> {
  const { mode, filter, minSimilarity, after, weights } = search;
  const maxHits = search.topK + 1;
  if (!vector) return searchKeywordsOrSigns(reads, search, selection);
  const paths = await choosePaths(services, reads, filter, { exact: search.exact });
  const nearest = { vector, filter, minSimilarity };
  if (mode === SearchMode.HYBRID)
    return searchHybrid(
      reads,
      paths,
      { nearest, query: plainQuery(search.text!), weights, topK: search.topK },
      selection,
    );
  const position = after && { similarity: after.score, id: after.id };
  const page = { ...nearest, maxHits, hitsBefore: after?.hitsBefore ?? 0, after: position };
  const answer = await searchVectors(reads, paths, page, selection);
  services.sampler?.offer({
    nearest: page,
    path: answer.path,
    ids: answer.hits.map(({ id }) => id),
  });
  return answer;
}

/**
 * Where nothing is left to find without what a text excludes, the signs were none of search:
 * `tar -xvf`.
 */
async function searchKeywordsOrSigns(
  reads: OperationReads,
  { text, filter, topK, after }: Search,
  selection: HitSelection,
): Promise<SearchResult> {
  const find = (query: KeywordQuery): Promise<SearchResult> =>
    searchKeywords(reads, { query, filter, maxHits: topK + 1, after }, selection);
  const query = parseKeywordQuery(text!);
  const answer = await find(query);
  if (answer.candidates > 0 || query.excluded.length === 0) return answer;
  const { notes, ...result } = await find(withoutExclusions(query));
  return { ...result, notes: [...notes, SearchNote.EXCLUSIONS_AS_WORDS] };
}
