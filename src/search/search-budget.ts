import { AppError } from '../base/app-error.js';
import type { RequestContext } from '../graphql/context.js';

/**
 * Searches of one operation, at most: each is a statement of its own over all that it may find, and
 * text may cost a call of the embedding service. A search of ten hits with what is similar to each
 * is within it.
 */
const MAX_SEARCHES = 20;
const searchesOf = new WeakMap<RequestContext, number>();

/**
 * Counts a search of the operation; `field` is the schema coordinate that asks for it. Throws
 * `QUERY_TOO_COMPLEX` beyond the limit.
 */
export function countSearch(context: RequestContext, field: string): void {
  const count = (searchesOf.get(context) ?? 0) + 1;
  if (count > MAX_SEARCHES)
    throw new AppError(
      'QUERY_TOO_COMPLEX',
      `The operation searches more than ${MAX_SEARCHES} times. Each chunk that asks for ` +
        'similar ones counts as a search.',
      { field },
    );
  searchesOf.set(context, count);
}
