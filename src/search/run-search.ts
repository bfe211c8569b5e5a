import type { RequestContext } from '../graphql/context.js';
import type { Search } from './check-search.js';
import { searchHybrid } from './hybrid-search.js';
import { searchWords } from './keyword-search.js';
import { choosePaths } from './paths/choose-paths.js';
import { QueryVector } from './query-vector.js';
import { vectorOfText } from './query-vectors.js';
import type { HitSelection, SearchAnswer } from './search-answer.js';
import { SearchMode } from './search.types.js';
import { searchVectors } from './vector-search.js';

/** The vector to compare with; undefined in the mode KEYWORD, which works without the embedder. */
export async function vectorOf(
  { mode, after, embedding, text, scope }: Search,
  context: RequestContext,
): Promise<QueryVector | undefined> {
  if (mode === SearchMode.KEYWORD) return undefined;
  return (
    after?.vector ??
    (embedding ? QueryVector.of(embedding) : vectorOfText(context, scope.tenantId, text!))
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
): Promise<SearchAnswer> {
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
): Promise<SearchAnswer> {
  const { mode, scope, minSimilarity, after, weights } = search;
  const wanted = search.topK + 1;
  if (!vector) return searchWords(reads, { text: search.text!, scope, wanted, after }, selection);
  const paths = await choosePaths(services, reads, scope, { exact: search.exact });
  const nearest = { vector, scope, minSimilarity };
  if (mode === SearchMode.HYBRID)
    return searchHybrid(
      reads,
      paths,
      { nearest, text: search.text!, weights, topK: search.topK },
      selection,
    );
  const place = after && { similarity: after.score, id: after.id };
  const page = { ...nearest, wanted, seen: after?.seen ?? 0, after: place };
  const answer = await searchVectors(reads, paths, page, selection);
  services.sampler?.offer({
    nearest: page,
    path: answer.path,
    ids: answer.hits.map(({ id }) => id),
  });
  return answer;
}
