import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../../../src/app.js';
import type { EmbedderConfig } from '../../../src/config.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { answersWithVectors, fails, startOpenAiServer, type OpenAiServer } from '../../support/openai-server.js';
import type { TenantWorld } from '../../support/world.js';

const DIMENSIONS = 64;
let server: OpenAiServer;
let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;

beforeAll(async () => {
  server = await startOpenAiServer({ dimensions: DIMENSIONS });
  gateway = await startTestGateway({
    embedder: embedder(),
  });
  tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  const document = await (await tenant.bot()).document();
  await document.chunks(Array.from({ length: 30 }, (_, chunkIndex) => ({ chunkIndex, text: `refund number ${chunkIndex}`, embedding: Array.from({ length: 1536 }, (__, n) => (n < DIMENSIONS ? Math.sin(n * (chunkIndex + 1)) : 0)) })));
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const embedder = (): EmbedderConfig => ({ provider: 'openai', baseUrl: server.baseUrl, apiKey: undefined, model: 'test-model', dimensions: DIMENSIONS, batchSize: 64, timeoutMs: 2_000 });
const inputsSince = (count: number): string[][] => server.requests.slice(count).map(request => request.body.input);
const QUERY = 'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { similarity chunk { id } } pageInfo { endCursor } } }';

describe('texts that are searched for', () => {
  test('are embedded in one call for an operation, each once', async () => {
    const before = server.requests.length;
    await client.data('{ a: searchChunks(input: { text: "one" }) { hits { rank } } b: searchChunks(input: { text: "two", mode: HYBRID }) { hits { rank } } c: searchChunks(input: { text: "one", topK: 3 }) { hits { rank } } d: searchChunks(input: { text: "three", mode: KEYWORD }) { hits { rank } } }');
    expect(inputsSince(before)).toEqual([['one', 'two']]);
  });

  test('are remembered for the next operation of the tenant, and of no other', async () => {
    const before = server.requests.length;
    const other = gateway.client((await (await gateway.world.tenant()).key()).secret);
    const first = await client.data(QUERY, { input: { text: 'four' } });
    const second = await client.data(QUERY, { input: { text: 'four' } });
    await client.data('{ a: searchChunks(input: { text: "four" }) { hits { rank } } b: searchChunks(input: { text: "five" }) { hits { rank } } }');
    await other.data(QUERY, { input: { text: 'four' } });
    expect(inputsSince(before)).toEqual([['four'], ['five'], ['four']]);
    expect(second).toEqual(first);
  });

  test('are not remembered when they could not be embedded', async () => {
    server.next(fails(400));
    const { errors } = await client.query(QUERY, { input: { text: 'six' } });
    expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
    expect((await client.data(QUERY, { input: { text: 'six' } })).searchChunks.hits).toHaveLength(10);
  });
});

describe('while the embedding service is down', () => {
  const down = (): void => server.next(...Array.from({ length: 6 }, () => fails(503)));

  test('VECTOR and HYBRID by text are unavailable, KEYWORD and vectors of the own work', async () => {
    down();
    for (const input of [{ text: 'refund seven' }, { text: 'refund eight', mode: 'HYBRID' }]) {
      const { errors } = await client.query(QUERY, { input });
      expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
    }
    const before = server.requests.length;
    expect((await client.data(QUERY, { input: { text: 'refund', mode: 'KEYWORD' } })).searchChunks.hits).toHaveLength(10);
    const embedding = Array.from({ length: DIMENSIONS }, () => 1);
    expect((await client.data(QUERY, { input: { embedding } })).searchChunks.hits).toHaveLength(10);
    expect((await client.data(QUERY, { input: { text: 'refund', embedding, mode: 'HYBRID' } })).searchChunks.hits).toHaveLength(10);
    expect(server.requests).toHaveLength(before);
  });
});

test('the next page compares with the same numbers, whatever the service makes of the text by then', async () => {
  const all = (await client.data(QUERY, { input: { text: 'nine', topK: 30 } })).searchChunks.hits;
  const first = (await client.data(QUERY, { input: { text: 'nine', topK: 5 } })).searchChunks;
  // Another gateway, which remembers nothing, and a service that answers otherwise.
  const twin = await startGateway({ config: { ...testConfig(), embedder: embedder() }, database: gateway.db.database, log: createLogger('silent') });
  server.next(answersWithVectors(vector => vector.map(value => -value)));
  const key = (await tenant.key()).secret;
  const second = (await new Client(twin.url, key).data(QUERY, { input: { text: 'nine', topK: 5, after: first.pageInfo.endCursor } })).searchChunks;
  await twin.close();
  expect([...first.hits, ...second.hits]).toEqual(all.slice(0, 10));
});
