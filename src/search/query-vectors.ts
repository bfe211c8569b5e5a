import type { RequestContext } from '../graphql/context.js';
import { defineLoader } from '../graphql/loader.js';
import { QueryVector } from './query-vector.js';

interface Query {
  readonly tenantId: string;
  readonly text: string;
}

/**
 * The texts that one level of an operation searches for, in one call of the embedder: of those that
 * it has not embedded lately.
 */
const vectors = defineLoader<Query, QueryVector>(
  async (queries, { search: { vectors: known }, embed }) => {
    const found = queries.map(query => known.get(keyOf(query)));
    const missing = queries.filter((_, index) => !found[index]);
    if (missing.length === 0) return found as QueryVector[];
    const embedded = (
      await embed(
        missing.map(({ text }) => text),
        'query',
      )
    ).map(QueryVector.of);
    missing.forEach((query, index) => known.set(keyOf(query), embedded[index]!));
    const made = embedded.values();
    return found.map(vector => vector ?? made.next().value!);
  },
  query => keyOf(query),
);

/**
 * The vector of a text that is searched for. May take a while: ask before the first statement, so
 * that no connection waits for it.
 */
export function vectorOfText(
  context: RequestContext,
  tenantId: string,
  text: string,
): Promise<QueryVector> {
  return vectors(context).load({ tenantId, text });
}

/** By tenant, too: how fast an answer comes must not tell what others have searched for. */
function keyOf({ tenantId, text }: Query): string {
  return `${tenantId} ${text}`;
}
