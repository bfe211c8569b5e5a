import { LRUCache } from 'lru-cache';
import type { RequestContext } from '../graphql/context.js';
import { defineLoader } from '../graphql/loader.js';
import { QueryVector } from './query-vector.js';

/** Memory for the vectors of texts, at most, for each embedder: some five thousand texts. */
const MAX_BYTES = 16 * 2 ** 20;

/** What an entry takes beside its vector and its text: about that of an object or two. */
const BYTES_OF_ENTRY = 200;

const remembered = new WeakMap<RequestContext['embedder'], LRUCache<string, QueryVector>>();

interface Query {
  readonly tenantId: string;
  readonly text: string;
}

/**
 * The texts that one level of an operation searches for, in one call of the embedder: of those that
 * it has not embedded lately.
 */
const vectors = defineLoader<Query, QueryVector>(
  async (queries, { embedder, embed }) => {
    const known = rememberedOf(embedder);
    const found = queries.map(query => known.get(keyOf(query)));
    const missing = queries.filter((_, index) => !found[index]);
    if (missing.length === 0) return found as QueryVector[];
    const embedded = (await embed(missing.map(({ text }) => text))).map(QueryVector.of);
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

function rememberedOf(embedder: RequestContext['embedder']): LRUCache<string, QueryVector> {
  let known = remembered.get(embedder);
  if (!known) {
    known = new LRUCache({
      maxSize: MAX_BYTES,
      sizeCalculation: (vector, key) => vector.byteLength + 2 * key.length + BYTES_OF_ENTRY,
    });
    remembered.set(embedder, known);
  }
  return known;
}
