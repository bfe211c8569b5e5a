import { Client } from '../../test/support/client.js';
import { OutsideBm25 } from './outside-bm25.js';
import type { QuestionSet } from './question-set.js';

const MODES = ['VECTOR', 'KEYWORD', 'HYBRID'] as const;
const OUTSIDE = 'BM25 outside';
/** Who answers, in the table's order. */
export const WAYS = [OUTSIDE, ...MODES] as const;
export type Way = (typeof WAYS)[number];

const TOP_K = 10;
/** Documents that one operation stores. */
const BATCH = 10;

/** A set that is stored in a tenant of its own. */
export interface StoredSet {
  readonly set: QuestionSet;
  readonly tenantId: string;
  readonly chunks: readonly StoredChunk[];
}

interface StoredChunk {
  readonly id: string;
  readonly text: string;
  readonly filename: string;
}

/** Stores a set's documents as a caller would, by `createDocument`. */
export async function storeSet(operator: Client, set: QuestionSet): Promise<StoredSet> {
  const { createTenant } = await operator.data(
    'mutation ($name: String!) { createTenant(input: { name: $name }) { tenant { id } } }',
    { name: set.name },
  );
  const tenantId: string = createTenant.tenant.id;
  for (let start = 0; start < set.documents.length; start += BATCH) {
    const batch = set.documents.slice(start, start + BATCH);
    const names = batch.map((_, index) => `d${index}`);
    const calls = names.map(name => `${name}: createDocument(input: $${name}) { document { id } }`);
    await operator.data(
      `mutation (${names.map(name => `$${name}: CreateDocumentInput!`).join(', ')}) {
        ${calls.join('\n')}
      }`,
      Object.fromEntries(names.map((name, index) => [name, { tenantId, ...batch[index]! }])),
    );
  }
  return { set, tenantId, chunks: await storedChunks(operator, tenantId) };
}

async function storedChunks(operator: Client, tenantId: string): Promise<StoredChunk[]> {
  const chunks: StoredChunk[] = [];
  let after: string | null = null;
  do {
    const { tenant }: any = await operator.data(
      `query ($id: ID!, $after: String) { tenant(id: $id) { documents(first: 50, after: $after) {
        nodes { filename chunks(first: 100) { nodes { id text } } }
        pageInfo { hasNextPage endCursor } } } }`,
      { id: tenantId, after },
    );
    const { nodes, pageInfo } = tenant.documents;
    for (const { filename, chunks: ofDocument } of nodes)
      for (const { id, text } of ofDocument.nodes) chunks.push({ id, text, filename });
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return chunks;
}

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) { hits { chunk { id } } }
}`;

/** The rank of the first right chunk for each question, from 1; null where none is in the ten. */
export async function ranksOf(
  operator: Client,
  { set, tenantId, chunks }: StoredSet,
  way: Way,
): Promise<(number | null)[]> {
  const filenames = new Map(chunks.map(({ id, filename }) => [id, filename]));
  const outside = new OutsideBm25(chunks);
  const ranks: (number | null)[] = [];
  for (const { text, expected } of set.questions) {
    const ids =
      way === OUTSIDE
        ? outside.best(text, TOP_K)
        : (
            await operator.data(SEARCH, { input: { text, mode: way, topK: TOP_K, tenantId } })
          ).searchChunks.hits.map((hit: any) => hit.chunk.id as string);
    const index = ids.findIndex((id: string) => expected.includes(filenames.get(id)!));
    ranks.push(index < 0 ? null : index + 1);
  }
  return ranks;
}
