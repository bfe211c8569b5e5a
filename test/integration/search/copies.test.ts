import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const SEARCH = `query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { similarity chunk { id } } completeness { returned exact path } pageInfo { hasNextPage endCursor } } }`;

/** Texts that stand in every document, such as footers and notices. */
const DIFFERENT = 20;
const COPIES = 100;

const vectors = new ClusteredVectors(20_261_125);
let gateway: TestGateway;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  const bot = await tenant.bot();
  const document = await bot.document();
  client = gateway.client((await tenant.key()).secret);
  for (let n = 0; n < DIFFERENT; n += 1) {
    const vector = `[${Array.from(vectors.document(1)[0]!, value => value.toFixed(5)).join()}]`;
    const rows = Array.from({ length: COPIES }, (_, copy) => `('${v7()}'::uuid, ${n + copy * DIFFERENT})`);
    await gateway.db.asSuperuser(
      `insert into doc_chunks (id, tenant_id, bot_id, doc_id, text, chunk_index, embedding)
       select id, '${tenant.id}', '${bot.id}', '${document.id}', 'Notice ${n}', place, '${vector}' from (values ${rows.join()}) as rows (id, place)`,
    );
  }
}, 120_000);
afterAll(() => gateway.close());

async function search(input: Record<string, unknown>): Promise<any> {
  return (await client.data<{ searchChunks: any }>(SEARCH, { input })).searchChunks;
}

const ids = ({ hits }: any): string[] => hits.map((hit: any) => hit.chunk.id);

test('the nearest of a tenant full of copies are found, whatever is asked', async () => {
  for (let n = 0; n < 24; n += 1) {
    const embedding = n % 2 === 0 ? Array.from(vectors.questionOnTopic()) : Array.from({ length: 1536 }, () => vectors.below(1_000) - 500);
    const found = await search({ embedding, topK: 20 });
    expect(found.completeness.returned).toBe(20);
    expect(ids(found)).toEqual(ids(await search({ embedding, topK: 20, exact: true })));
  }
});

test('pages lead through copies, which are all as similar, once each', async () => {
  const embedding = Array.from(vectors.questionOnTopic());
  const found: string[] = [];
  for (let after: string | null = null; found.length < 250; ) {
    const page: any = await search({ embedding, topK: 50, after });
    found.push(...ids(page));
    after = page.pageInfo.endCursor;
  }
  expect(new Set(found).size).toBe(250);
});
