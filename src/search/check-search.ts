import { badInput } from '../base/app-error.js';
import { hasVisibleCharacter } from '../base/control-characters.js';
import { toDouble, type JsonNumber } from '../base/json.js';
import { checkVector } from '../embedders/check-vector.js';
import { checkSearchFilter } from './check-filter.js';
import { cursorKeyOf, readCursor, type SearchPosition } from './search-cursor.js';
import { isSparse, type Sparsity } from './left-out.js';
import type { FusionWeights } from './hybrid-search.js';
import type { SearchFilter } from './search-filter.js';
import type { SearchChunksInput, SearchWeights } from './search.inputs.js';
import { SearchMode } from './search.types.js';

const MAX_TEXT_LENGTH = 8_000;
/** Whoever lists words means each of them; of a text in the mode HYBRID the first count. */
const MAX_WORDS = 100;
export const MAX_TOP_K = 100;
const MAX_WEIGHT = 10;
/**
 * A weight so small that it decides nothing but between equals. PostgreSQL fails where a quotient
 * is too small for a double.
 */
const MIN_WEIGHT = 1e-9;
const MAX_CONTEXT = 5;

const WORD = /[\p{L}\p{N}]+/gu;

/** A search whose every part has been checked. */
export interface Search {
  readonly mode: SearchMode;
  /** What to embed or to take words from: there is one of the two at least, as the mode asks. */
  readonly text: string | undefined;
  /** A vector as the caller sent it. */
  readonly embedding: readonly number[] | undefined;
  readonly topK: number;
  readonly exact: boolean;
  readonly contextWindow: number;
  readonly minSimilarity: number | undefined;
  readonly weights: FusionWeights;
  readonly sparsity: Sparsity;
  readonly filter: SearchFilter;
  /**
   * Tells cursors of this search from those of others. Made when it is asked for: reading a vector
   * for it takes a twentieth of the gateway's CPU for a search.
   */
  readonly cursorKey: () => string;
  readonly after: SearchPosition | undefined;
}

/** Who is searching, and with which model. */
export interface Searcher {
  /** undefined: the operator. */
  readonly tenantId: string | undefined;
  readonly embeddingModel: string;
  readonly dimensions: number;
  /** How much a vector of that model counts beside words. */
  readonly vectorWeight: number;
}

/**
 * The input as a `Search`. Throws `BAD_USER_INPUT` naming the field and its limit, or `NOT_FOUND`
 * for a tenant that is not the searcher's.
 */
export function checkSearch(input: SearchChunksInput, searcher: Searcher): Search {
  const { mode, topK, exact, contextWindow } = input;
  const filter = checkSearchFilter(input, searcher.tenantId);
  if (topK < 1 || topK > MAX_TOP_K)
    throw badInput('input.topK', `input.topK must be from 1 to ${MAX_TOP_K}; it is ${topK}.`);
  if (contextWindow < 0 || contextWindow > MAX_CONTEXT)
    throw badInput(
      'input.contextWindow',
      `input.contextWindow must be from 0 to ${MAX_CONTEXT}; it is ${contextWindow}.`,
    );
  const query = { text: input.text ?? undefined, embedding: input.embedding ?? undefined };
  checkQuery(mode, query, searcher);
  const minSimilarity = checkMinSimilarity(mode, input.minSimilarity ?? undefined);
  const cursorKey = (): string => cursorKeyOf({ mode, filter, minSimilarity, exact, ...query });
  return {
    mode,
    ...query,
    topK,
    exact,
    contextWindow,
    minSimilarity,
    filter,
    cursorKey,
    sparsity: checkSparsity(input),
    weights: checkWeights(mode, input.weights, {
      // A caller's own vector is of the caller's model.
      vector: query.embedding ? 1 : searcher.vectorWeight,
      keyword: 1,
    }),
    after: input.after == null ? undefined : readCursor(mode, cursorKey(), input.after),
  };
}

function checkSparsity({ distinct, maxPerDocument, after }: SearchChunksInput): Sparsity {
  const sparsity = { distinct, maxPerDocument: maxPerDocument ?? undefined };
  if (maxPerDocument != null && (maxPerDocument < 1 || maxPerDocument > MAX_TOP_K))
    throw badInput(
      'input.maxPerDocument',
      `input.maxPerDocument must be from 1 to ${MAX_TOP_K}; it is ${maxPerDocument}.`,
    );
  if (after != null && isSparse(sparsity))
    throw badInput(
      'input.after',
      'A search with input.distinct or input.maxPerDocument has only one page: remove ' +
        'input.after and request up to 100 hits with input.topK.',
    );
  return sparsity;
}

function checkQuery(
  mode: SearchMode,
  { text, embedding }: Pick<Search, 'text' | 'embedding'>,
  searcher: Searcher,
): void {
  const takesEmbedding = mode !== SearchMode.KEYWORD;
  if (mode === SearchMode.VECTOR) {
    if (text !== undefined && embedding !== undefined)
      throw badInput(
        'input.embedding',
        'In the mode VECTOR, set either input.text or input.embedding, not both.',
      );
    if (text === undefined && embedding === undefined)
      throw badInput(
        'input.text',
        'Set input.text or input.embedding: there is nothing to search for.',
      );
  } else {
    if (text === undefined)
      throw badInput(
        'input.text',
        `The mode ${mode.toUpperCase()} needs input.text, because it searches for words.`,
      );
    if (embedding !== undefined && !takesEmbedding)
      throw badInput(
        'input.embedding',
        'The mode KEYWORD compares only words: remove input.embedding, or use HYBRID.',
      );
  }
  if (text !== undefined) checkText(mode, text);
  if (embedding !== undefined)
    checkVector('input.embedding', embedding, {
      model: searcher.embeddingModel,
      dimensions: searcher.dimensions,
    });
}

function checkText(mode: SearchMode, text: string): void {
  if (text.length > MAX_TEXT_LENGTH)
    throw badInput(
      'input.text',
      `input.text has ${text.length} characters; the limit is ${MAX_TEXT_LENGTH}.`,
    );
  if (!hasVisibleCharacter(text))
    throw badInput('input.text', 'input.text is blank: there is nothing to search for.');
  if (mode !== SearchMode.KEYWORD) return;
  const words = text.match(WORD)?.length ?? 0;
  if (words > MAX_WORDS)
    throw badInput(
      'input.text',
      `input.text has ${words} words; the limit of the mode ${mode.toUpperCase()} is ` +
        `${MAX_WORDS}. The modes VECTOR and HYBRID accept longer texts.`,
    );
}

function checkMinSimilarity(mode: SearchMode, input: JsonNumber | undefined): number | undefined {
  if (input === undefined) return undefined;
  const minSimilarity = toDouble(input);
  if (mode === SearchMode.KEYWORD)
    throw badInput(
      'input.minSimilarity',
      'Hits of the mode KEYWORD have no similarity: remove input.minSimilarity, or use HYBRID.',
    );
  if (!(minSimilarity >= -1 && minSimilarity <= 1))
    throw badInput(
      'input.minSimilarity',
      `input.minSimilarity must be from -1 to 1; it is ${String(input)}.`,
    );
  return minSimilarity;
}

function checkWeights(
  mode: SearchMode,
  input: SearchWeights | null | undefined,
  usual: FusionWeights,
): FusionWeights {
  if (input == null) return usual;
  if (mode !== SearchMode.HYBRID)
    throw badInput(
      'input.weights',
      `The mode ${mode.toUpperCase()} has only one ranking: remove input.weights, or use HYBRID.`,
    );
  const given = {
    vector: input.vector ?? usual.vector,
    keyword: input.keyword ?? usual.keyword,
  };
  const weights = { vector: toDouble(given.vector), keyword: toDouble(given.keyword) };
  for (const name of ['vector', 'keyword'] as const) {
    const weight = weights[name];
    if (given[name] !== 0 && !(weight >= MIN_WEIGHT && weight <= MAX_WEIGHT)) {
      throw badInput(
        `input.weights.${name}`,
        `input.weights.${name} must be 0, or from ${MIN_WEIGHT.toFixed(9)} to ` +
          `${MAX_WEIGHT}; it is ${String(given[name])}.`,
      );
    }
  }
  if (weights.vector === 0 && weights.keyword === 0)
    throw badInput('input.weights', 'One of input.weights must be greater than 0.');
  return weights;
}
