import type { RequestContext } from '../graphql/context.js';
import { MAX_TOP_K, type Search } from './check-search.js';
import { badInput } from '../base/app-error.js';
import { bm25Of, type Bm25 } from './bm25.js';
import {
  parseKeywordQuery,
  plainQuery,
  withoutExclusions,
  type KeywordQuery,
} from './keyword-query.js';
import { readQuestion } from './question.js';
import { hybridDepth, searchHybrid } from './hybrid-search.js';
import { searchKeywords } from './keyword-search.js';
import { choosePaths } from './paths/choose-paths.js';
import { QueryVector } from './query-vector.js';
import { vectorOfText } from './query-vectors.js';
import { isSparse, keepFew, withComparison } from './left-out.js';
import type { SearchPosition } from './search-cursor.js';
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

/** What a search needs to find, once its text has a vector. */
export type SearchContext = Pick<RequestContext, 'reads' | 'search'>;

/**
 * What a checked search finds in its mode: one hit more than asked for where there are more.
 * `vector` is what `vectorOf` gave.
 */
export async function runSearch(
  context: SearchContext,
  search: Search,
  vector: QueryVector | undefined,
  selection: HitSelection,
): Promise<SearchResult> {
  const startedAt = performance.now();
  const answer = isSparse(search.sparsity)
    ? await searchFew(context, search, vector, selection)
    : await searchInMode(context, search, vector, selection);
  context.search.seconds?.observe(
    { mode: search.mode, path: answer.path },
    (performance.now() - startedAt) / 1_000,
  );
  return answer;
}

/** HYBRID has no more than what it adds up, at once; other modes are read page by page. */
function searchFew(
  context: SearchContext,
  search: Search,
  vector: QueryVector | undefined,
  selection: HitSelection,
): Promise<SearchResult> {
  const { mode, topK, sparsity } = search;
  const pageSize = mode === SearchMode.HYBRID ? Infinity : MAX_TOP_K;
  const compared = withComparison(selection, sparsity);
  const find = (after: SearchPosition | undefined): Promise<SearchResult> =>
    searchInMode(
      context,
      mode === SearchMode.HYBRID ? search : { ...search, topK: pageSize, after },
      vector,
      compared,
    );
  return keepFew(sparsity, { maxHits: topK + 1, pageSize }, find);
}

async function searchInMode(
  context: SearchContext,
  search: Search,
  vector: QueryVector | undefined,
  selection: HitSelection,
): Promise<SearchResult> {
  const { reads, search: services } = context;
  const { mode, filter, minSimilarity, after, weights, exact } = search;
  const maxHits = search.topK + 1;
  if (!vector) return searchKeywordsOrSigns(context, search, selection);
  const paths = await choosePaths(services, reads, filter, { exact });
  const nearest = { vector, filter, minSimilarity };
  if (mode === SearchMode.HYBRID) {
    const bm25 = await weighed(context, search, plainQuery(search.text!));
    const depth = hybridDepth(search.topK);
    const mostHits = isSparse(search.sparsity) ? 2 * depth : maxHits;
    const hybrid = { nearest, bm25, weights, depth, maxHits: mostHits };
    return searchHybrid(reads, paths, hybrid, selection);
  }
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
  context: SearchContext,
  search: Search,
  selection: HitSelection,
): Promise<SearchResult> {
  const { text, filter, topK, after, exact } = search;
  const find = async (query: KeywordQuery): Promise<SearchResult> => {
    const bm25 = await weighed(context, search, query);
    return searchKeywords(
      context.reads,
      { bm25, filter, maxHits: topK + 1, after, exact },
      selection,
    );
  };
  const query = parseKeywordQuery(text!);
  if (after?.keyword?.hasExclusions !== false) {
    const answer = await find(query);
    if (answer.candidates > 0 || query.excluded.length === 0) return answer;
  }
  const { notes, ...result } = await find(withoutExclusions(query));
  return { ...result, notes: [...notes, SearchNote.EXCLUSIONS_AS_WORDS] };
}

/**
 * The words of a query, and what they weigh in the tenant: as on the pages before, so that no hit
 * changes its place from one to the next.
 */
async function weighed(
  { reads, search: { frequencies } }: SearchContext,
  { filter, after }: Search,
  query: KeywordQuery,
): Promise<Bm25> {
  const question = await readQuestion(reads, filter.tenantId, query);
  const counted = after?.keyword?.counted;
  if (!counted) return bm25Of(question, await frequencies.of(reads, filter.tenantId, question));
  if (counted.frequencies.length !== question.words.flatMap(({ lexemes }) => lexemes).length)
    throw badInput(
      'input.after',
      'input.after is of a search that was ranked in another way. Search again without it.',
    );
  return bm25Of(question, counted);
}
