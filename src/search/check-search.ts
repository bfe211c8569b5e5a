import { AppError, badInput } from '../base/app-error.js';
import { STORED_DIMENSIONS } from '../embedders/pad-vector.js';
import { uuidInput } from '../graphql/uuid-input.js';
import type { SearchScope } from './search-scope.js';
import type { SearchChunksInput } from './search.inputs.js';
import type { SearchMode } from './search.types.js';

const MAX_TEXT_LENGTH = 8_000;
const MAX_TOP_K = 100;
const MAX_DOCUMENT_IDS = 100;

/** A search whose every part has been checked. */
export interface Search {
  /** The query: a text to embed, or a vector as the caller sent it. */
  readonly query: { readonly text: string } | { readonly embedding: readonly number[] };
  readonly mode: SearchMode;
  readonly topK: number;
  readonly minSimilarity: number | undefined;
  readonly scope: SearchScope;
}

/** Who is searching, and with which model. */
export interface Searcher {
  /** undefined: the operator. */
  readonly tenantId: string | undefined;
  readonly embeddingModel: string;
  readonly dimensions: number;
}

/** The input as a `Search`. Throws `BAD_USER_INPUT` naming the field and its limit, or `NOT_FOUND` for a tenant that is not the searcher's. */
export function checkSearch(input: SearchChunksInput, searcher: Searcher): Search {
  const { topK, minSimilarity } = input;
  const tenantId = checkTenant(input.tenantId, searcher);
  if (topK < 1 || topK > MAX_TOP_K) throw badInput('input.topK', `input.topK must be from 1 to ${MAX_TOP_K}; it is ${topK}.`);
  if (minSimilarity != null && !(minSimilarity >= -1 && minSimilarity <= 1)) {
    throw badInput('input.minSimilarity', `input.minSimilarity must be from -1 to 1; it is ${minSimilarity}.`);
  }
  return {
    query: checkQuery(input, searcher),
    mode: input.mode,
    topK,
    minSimilarity: minSimilarity ?? undefined,
    scope: {
      tenantId,
      botId: input.botId == null ? undefined : uuidInput('input.botId', input.botId),
      documentIds: input.documentIds == null ? undefined : checkDocumentIds(input.documentIds),
      // Every object contains the empty one.
      metadata: input.metadata == null || Object.keys(input.metadata).length === 0 ? undefined : input.metadata,
    },
  };
}

function checkTenant(asked: string | null | undefined, { tenantId }: Searcher): string {
  const named = asked == null ? tenantId : uuidInput('input.tenantId', asked);
  if (named === undefined) throw badInput('input.tenantId', 'input.tenantId must name the tenant to search: an operator has none of their own.');
  if (tenantId !== undefined && named !== tenantId) throw noSuchTenant(named);
  return named;
}

/** The same answer for a tenant that is not the caller's and one that does not exist. */
export function noSuchTenant(id: string): AppError {
  return new AppError('NOT_FOUND', `There is no tenant ${id} for you.`, { field: 'input.tenantId' });
}

function checkQuery({ text, embedding }: SearchChunksInput, searcher: Searcher): Search['query'] {
  if (text != null && embedding != null) throw badInput('input.embedding', 'Give input.text or input.embedding, not both.');
  if (embedding != null) {
    checkEmbedding(embedding, searcher);
    return { embedding };
  }
  if (text == null) throw badInput('input.text', 'Give input.text or input.embedding: there is nothing to search for.');
  if (text.length > MAX_TEXT_LENGTH) {
    throw badInput('input.text', `input.text has ${text.length} characters; the limit is ${MAX_TEXT_LENGTH}.`);
  }
  if (text.trim() === '') throw badInput('input.text', 'input.text is blank: there is nothing to search for.');
  return { text };
}

function checkEmbedding(embedding: readonly number[], { embeddingModel, dimensions }: Searcher): void {
  const field = 'input.embedding';
  if (embedding.length !== dimensions && embedding.length !== STORED_DIMENSIONS) {
    const lengths = dimensions === STORED_DIMENSIONS ? `${dimensions}` : `${dimensions} or ${STORED_DIMENSIONS}`;
    throw badInput(field, `${field} has ${embedding.length} numbers; with the model ${embeddingModel} it must have ${lengths}.`);
  }
  const wrong = embedding.findIndex(value => !Number.isFinite(value));
  if (wrong >= 0) throw badInput(`${field}[${wrong}]`, `${field} must hold finite numbers only; the item at index ${wrong} is not one.`);
  if (embedding.every(value => value === 0)) throw badInput(field, `${field} is all zeros, which has no direction to compare.`);
}

function checkDocumentIds(ids: readonly string[]): string[] {
  const field = 'input.documentIds';
  if (ids.length > MAX_DOCUMENT_IDS) throw badInput(field, `${field} has ${ids.length} items; the limit is ${MAX_DOCUMENT_IDS}.`);
  return ids.map((id, index) => uuidInput(`${field}[${index}]`, id));
}
