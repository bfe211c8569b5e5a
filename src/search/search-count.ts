import { AppError } from '../base/app-error.js';

declare module '../graphql/context.js' {
  interface RequestContext {
    /** The searches of this operation. */
    readonly searchCount: SearchCount;
  }
}

/**
 * Searches of one operation, at most: each is a statement of its own over all that it may find, and
 * text may cost a call of the embedding service. A search of ten hits with what is similar to each
 * is within it.
 */
const MAX_SEARCHES = 20;

export class SearchCount {
  #count = 0;

  /**
   * Counts searches of the operation; `field` is the schema coordinate that asks for them. Throws
   * `QUERY_TOO_COMPLEX` beyond the limit.
   */
  add(searches: number, field: string): void {
    if (this.#count + searches > MAX_SEARCHES)
      throw new AppError(
        'QUERY_TOO_COMPLEX',
        `The operation has more than ${MAX_SEARCHES} searches. Each chunk with similar ` +
          'counts as a search.',
        { field },
      );
    this.#count += searches;
  }
}
