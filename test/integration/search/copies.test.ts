import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { weaver } from '../../support/command.js';
import type { Client } from '../../support/client.js';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const SEARCH =
  'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { similarity ' +
  'chunk { id } } completeness { returned exact path } pageInfo { hasNextPage endCursor } } }';

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
    const rows = Array.from(
      { length: COPIES },
      (_, copy) => `('${v7()}'::uuid, ${n + copy * DIFFERENT})`,
    );
    await gateway.db.asSuperuser(
      `insert into doc_chunks (id, tenant_id, bot_id, doc_id, text, chunk_index, embedding)
       select id, '${tenant.id}', '${bot.id}', '${document.id}', 'Notice ${n}', place, '${vector}'
         from (values ${rows.join()}) as rows (id, place)`,
    );
  }
}, 120_000);
afterAll(() => gateway.close());

async function search(input: Record<string, unknown>): Promise<any> {
  return (await client.data<{ searchChunks: any }>(SEARCH, { input })).searchChunks;
}

const ids = ({ hits }: any): string[] => hits.map((hit: any) => hit.chunk.id);

async function expectNearest(): Promise<void> {
  for (let n = 0; n < 24; n += 1) {
    const embedding =
      n % 2 === 0
        ? Array.from(vectors.questionOnTopic())
        : Array.from({ length: 1536 }, () => vectors.below(1_000) - 500);
    const found = await search({ embedding, topK: 20 });
    expect(found.completeness.returned).toBe(20);
    expect(ids(found)).toEqual(ids(await search({ embedding, topK: 20, exact: true })));
  }
}

test('the nearest of a tenant full of copies are found, whatever is asked', expectNearest);

test('explainChunk says that codes, deceived by two lengths, left out the nearest', async () => {
  const HALF = 768;
  const short = (near: readonly number[] = [], weight = 0): number[] =>
    Array.from({ length: 1536 }, (_, place) =>
      place < HALF ? vectors.below(1_000) - 500 + weight * (near[place] ?? 0) : 0,
    );
  const question = short();
  const tenant = await gateway.world.tenant();
  const document = await (await tenant.bot()).document();
  const asker = gateway.client((await tenant.key()).secret);
  const chunk = (
    embedding: number[],
  ): { text: string; chunkIndex: number; embedding: number[] } => ({
    text: 'Passage',
    chunkIndex: 0,
    embedding: embedding.map(value => value / 10_000),
  });
  for (let n = 0; n < 11; n += 1)
    await document.chunks(Array.from({ length: 100 }, () => chunk(short())));
  await document.chunks(Array.from({ length: 5 }, () => chunk(short(question, 1))));
  // Nearly the question itself, and positive where shorter vectors have zeros: 768 bits differ.
  const [id] = await document.chunks([
    chunk(question.map((value, place) => (place < HALF ? value : 20))),
  ]);
  const explain = async (exact: boolean): Promise<any> =>
    (
      await asker.data<any>(
        'query ($input: SearchChunksInput!, $id: ID!) { explainChunk(input: $input, ' +
          'chunkId: $id) { isHit droppedBy vectorRank completeness { path exact } } }',
        { input: { embedding: question, topK: 1, exact }, id },
      )
    ).explainChunk;
  expect(await explain(true)).toMatchObject({ isHit: true, droppedBy: null, vectorRank: 1 });
  expect(await explain(false)).toEqual({
    isHit: false,
    droppedBy: 'CANDIDATES',
    vectorRank: 1,
    completeness: { path: 'CODES', exact: false },
  });
});

test('pages lead through copies, which are all as similar, once each', async () => {
  const embedding = Array.from(vectors.questionOnTopic());
  const found: string[] = [];
  for (let after: string | null = null; found.length < 250;) {
    const page: any = await search({ embedding, topK: 50, after });
    found.push(...ids(page));
    after = page.pageInfo.endCursor;
  }
  expect(new Set(found).size).toBe(250);
});

test.runIf(inject('template').kind === 'postgres')('with an index of its own, too', async () => {
  const { login, admin } = gateway.db.urls!;
  expect(
    await weaver(
      { WEAVER_SEARCH_INDEX_FROM: '1500', DATABASE_URL: login, WEAVER_MIGRATION_URL: admin },
      ['search', 'tune'],
    ),
  ).toMatchObject({ code: 0, out: expect.stringContaining('Built') });
  const now = performance.now.bind(performance);
  // By then the gateway has looked which tenants have one.
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 31_000);
  try {
    const names = await gateway.statements(expectNearest);
    expect(names).toContain('searchChunks_hnsw');
  } finally {
    clock.mockRestore();
  }
});
