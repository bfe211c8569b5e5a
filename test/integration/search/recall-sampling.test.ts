import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusteredVectors } from '../../support/clustered-vectors.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const TOKEN = 'the-token-of-prometheus';
const vectors = new ClusteredVectors(20_261_126);
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    env: { WEAVER_METRICS_TOKEN: TOKEN, WEAVER_SEARCH_RECALL_SAMPLE: '1' },
  });
}, 60_000);
afterAll(() => gateway.close());

async function metric(name: string): Promise<number> {
  const text = await (
    await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
  ).text();
  return Number(
    text
      .split('\n')
      .find(line => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? 0,
  );
}

test('live searches are compared with an exact scan, and /metrics has their recall', async () => {
  const tenant = await gateway.world.tenant();
  const client = gateway.client((await tenant.key()).secret);
  const document = await (await tenant.bot()).document();
  const passages = Array.from({ length: 60 }, () => vectors.document(20)).flat();
  await document.chunks(
    passages.map((vector, chunkIndex) => ({
      text: 'Passage',
      chunkIndex,
      embedding: Array.from(vector),
    })),
  );
  const search =
    'query ($embedding: Vector!) { searchChunks(input: { embedding: $embedding, topK: 9 }) ' +
    '{ completeness { path } } }';
  const { searchChunks } = await client.data(search, {
    embedding: Array.from(vectors.questionAbout(passages[5]!)),
  });
  expect(searchChunks.completeness.path).toBe('CODES');
  await expect
    .poll(() => metric('weaver_search_recall_samples_total{path="codes",outcome="compared"}'), {
      timeout: 10_000,
    })
    .toBe(1);
  expect(await metric('weaver_search_recall_hits_total{path="codes",outcome="found"}')).toBe(10);
  expect(await metric('weaver_search_recall_hits_total{path="codes",outcome="missed"}')).toBe(0);
}, 60_000);

test('/metrics counts and times the searches that were answered, by mode and path', async () => {
  const tenant = await gateway.world.tenant();
  const client = gateway.client((await tenant.key()).secret);
  await (
    await (await tenant.bot()).document()
  ).chunks([{ text: 'A word', chunkIndex: 0, embedding: null }]);
  const count = (mode: string, path: string): Promise<number> =>
    metric(`weaver_search_duration_seconds_count{mode="${mode}",path="${path}"}`);
  const before = await count('keyword', 'words');
  await client.data(
    '{ a: searchChunks(input: { text: "word", mode: KEYWORD }) { hits { rank } } b: ' +
      'searchChunks(input: { text: "word" }) { hits { rank } } }',
  );
  await client.query(
    '{ searchChunks(input: { text: "word", mode: KEYWORD, topK: 0 }) { hits { rank } } }',
  );
  expect(await count('keyword', 'words')).toBe(before + 1);
  expect(await count('vector', 'exact')).toBe(1);
  expect(
    await metric('weaver_search_duration_seconds_bucket{le="30",mode="vector",path="exact"}'),
  ).toBe(1);
}, 60_000);
