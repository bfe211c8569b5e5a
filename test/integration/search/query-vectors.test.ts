import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway } from '../../../src/app.js';
import type { OpenAiEmbedderConfig } from '../../../src/embedders/openai-service.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';
import {
  answers,
  answersWithVectors,
  fails,
  hangsUp,
  hangsUpHalfway,
  says,
  stalls,
  stallsHalfway,
  serviceConfig,
  startOpenAiServer,
  type Behaviour,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { until } from '../../support/row-locks.js';
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
  await document.chunks(
    Array.from({ length: 30 }, (_, chunkIndex) => ({
      chunkIndex,
      text: `refund number ${chunkIndex}`,
      embedding: Array.from({ length: 1536 }, (__, n) =>
        n < DIMENSIONS ? Math.sin(n * (chunkIndex + 1)) : 0,
      ),
    })),
  );
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const embedder = (): OpenAiEmbedderConfig =>
  serviceConfig(server, { dimensions: DIMENSIONS, timeoutMs: 2_000 });
const inputsSince = (count: number): string[][] =>
  server.requests.slice(count).map(request => request.body.input);
const QUERY =
  'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { similarity ' +
  'chunk { id } } pageInfo { endCursor } } }';

describe('texts that are searched for', () => {
  test('are embedded in one call for an operation, each once', async () => {
    const before = server.requests.length;
    await client.data(
      '{ a: searchChunks(input: { text: "one" }) { hits { rank } } b: ' +
        'searchChunks(input: { text: "two", mode: HYBRID }) { hits { rank } } c: ' +
        'searchChunks(input: { text: "one", topK: 3 }) { hits { rank } } d: ' +
        'searchChunks(input: { text: "three", mode: KEYWORD }) { hits { rank } } }',
    );
    expect(inputsSince(before)).toEqual([['one', 'two']]);
  });

  test.each([
    ['a field beside it fails', 'node(id: "no id") { id }'],
    ['a field fails without which there is no answer', 'bots(first: 101) { totalCount }'],
  ])('are embedded once where %s', async (_, failing) => {
    const text = `one text beside ${failing.slice(0, 4)}`;
    for (let round = 0; round < 2; round += 1) {
      const before = server.requests.length;
      const { errors } = await client.query(
        `{ searchChunks(input: { text: "${text}" }) { hits { rank } } ${failing} }`,
      );
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      // Nobody waits for it where there is no answer.
      await until(async () => server.requests.length > before || round > 0);
      expect(inputsSince(before)).toEqual(round === 0 ? [[text]] : []);
    }
  });

  test('are remembered for the next operation of the tenant, and of no other', async () => {
    const before = server.requests.length;
    const other = gateway.client((await (await gateway.world.tenant()).key()).secret);
    const first = await client.data(QUERY, { input: { text: 'four' } });
    const second = await client.data(QUERY, { input: { text: 'four' } });
    await client.data(
      '{ a: searchChunks(input: { text: "four" }) { hits { rank } } b: ' +
        'searchChunks(input: { text: "five" }) { hits { rank } } }',
    );
    await other.data(QUERY, { input: { text: 'four' } });
    expect(inputsSince(before)).toEqual([['four'], ['five'], ['four']]);
    expect(second).toEqual(first);
  });

  test('are not remembered when they could not be embedded', async () => {
    server.next(fails(400));
    const { errors } = await client.query(QUERY, { input: { text: 'six' } });
    expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
    expect((await client.data(QUERY, { input: { text: 'six' } })).searchChunks.hits).toHaveLength(
      10,
    );
  });
});

test('stand behind the prefix that the model wants for what is searched for', async () => {
  const prefixed = await startTestGateway({
    embedder: { ...embedder(), queryPrefix: 'query: ', documentPrefix: 'passage: ' },
  });
  try {
    const writer = prefixed.client(
      (await (await prefixed.world.tenant()).key({ scopes: ['search', 'write'] })).secret,
    );
    const before = server.requests.length;
    // The first makes document and key known: the others begin before the key is looked up.
    for (const text of ['wax', 'leather', 'laces'])
      await writer.data(QUERY, { input: { text, mode: 'HYBRID' } });
    await writer.data(
      'mutation { createDocument(input: { filename: "f", text: "Boots." }) { document { id } } }',
    );
    expect(inputsSince(before)).toEqual([
      ['query: wax'],
      ['query: leather'],
      ['query: laces'],
      ['passage: f\n\nBoots.'],
    ]);
  } finally {
    await prefixed.close();
  }
});

describe('while the embedding service is down', () => {
  const down = (): void => server.next(...Array.from({ length: 6 }, () => fails(503)));

  test('VECTOR and HYBRID by text are unavailable; KEYWORD and own vectors work', async () => {
    down();
    for (const input of [{ text: 'refund seven' }, { text: 'refund eight', mode: 'HYBRID' }]) {
      const { errors } = await client.query(QUERY, { input });
      expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
    }
    const before = server.requests.length;
    expect(
      (await client.data(QUERY, { input: { text: 'refund', mode: 'KEYWORD' } })).searchChunks.hits,
    ).toHaveLength(10);
    const embedding = Array.from({ length: DIMENSIONS }, () => 1);
    expect((await client.data(QUERY, { input: { embedding } })).searchChunks.hits).toHaveLength(10);
    expect(
      (await client.data(QUERY, { input: { text: 'refund', embedding, mode: 'HYBRID' } }))
        .searchChunks.hits,
    ).toHaveLength(10);
    expect(server.requests).toHaveLength(before);
  });
});

describe('an embedding service that cannot be used', () => {
  const KEY = 'sk-the-key-of-the-embedding-service';
  const { log, lines } = collectLog();
  let twin: Awaited<ReturnType<typeof startGateway>>;
  let asker: Client;
  // One for each way to fail: a gateway leaves a service alone that fails too often.
  beforeEach(async () => {
    twin = await startGateway({
      config: { ...testConfig(), embedder: { ...embedder(), apiKey: KEY, timeoutMs: 2_000 } },
      database: gateway.db.database,
      log,
    });
    asker = new Client(twin.url, (await tenant.key()).secret);
  });
  afterEach(async () => {
    server.always(answers());
    await twin.close();
  });

  test.each<[string, Behaviour, RegExp]>([
    ['fails', fails(500), /^The embedding service has an internal error at the moment\.$/],
    [
      'refuses the key',
      fails(401),
      /^The embedding service refused the request\. The gateway's log says why\.$/,
    ],
    [
      'has too many requests',
      fails(429, { 'retry-after': '20' }),
      /^The embedding service has too many requests at the moment\.$/,
    ],
    ['never answers', stalls(), /^The embedding service did not answer in time\.$/],
    [
      'stops in the middle of its answer',
      stallsHalfway(),
      /^The embedding service did not answer in time\.$/,
    ],
    ['hangs up', hangsUp(), /^The embedding service cannot be reached\.$/],
    [
      'hangs up in the middle of its answer',
      hangsUpHalfway(),
      /^The embedding service cannot be reached\.$/,
    ],
    [
      'has vectors of another length',
      answersWithVectors(vector => vector.slice(1)),
      /^The embedding service gave an invalid answer\. The gateway's log says why\.$/,
    ],
    [
      'has vectors without a direction',
      answersWithVectors(vector => vector.map(() => 0)),
      /^The embedding service gave an invalid answer\. The gateway's log says why\.$/,
    ],
    [
      'answers with a page',
      says('<html>Welcome</html>'),
      /^The embedding service gave an invalid answer\. The gateway's log says why\.$/,
    ],
  ])(
    'as it %s: only what needs it is refused, and nothing of the service is told',
    async (what, behaviour, message) => {
      server.always(behaviour);
      const variables = { text: what, id: tenant.id };
      for (const [field, rest] of [
        ['searchChunks', '(input: { text: $text }) { hits { rank } }'],
        ['searchChunks', '(input: { text: $text, mode: HYBRID }) { hits { rank } }'],
        ['explainChunk', '(input: { text: $text }, chunkId: $id) { isHit }'],
      ]) {
        const { data, errors, status } = await asker.query(
          `query ($text: String!${field === 'explainChunk' ? ', $id: ID!' : ''}) { ` +
            `${field}${rest} }`,
          variables,
        );
        expect([status, data, errors!.length]).toEqual([503, undefined, 1]);
        const [error] = errors!;
        expect(error!.path).toEqual([field]);
        expect(error!.message).toMatch(message);
        expect(error!.extensions.code).toBe('UNAVAILABLE');
        const { retryAfterMs } = error!.extensions;
        if (message.source.includes('log')) expect(retryAfterMs).toBeUndefined();
        else if (what === 'has too many requests')
          expect(20_000 - (retryAfterMs as number)).toBeLessThan(5_000);
        else expect(retryAfterMs).toBe(1_000);
        expect(JSON.stringify(errors)).not.toMatch(
          new RegExp(`${KEY}|${new URL(server.baseUrl).host}|test-model|Bearer|status \\d`),
        );
      }
      const others = `query ($embedding: Vector!) {
      words: searchChunks(input: { text: "refund", mode: KEYWORD }) { hits { rank } }
      own: searchChunks(input: { text: "refund", embedding: $embedding, mode: HYBRID })
        { hits { rank } }
      viewer { tenant { id } }
    }`;
      const data = await asker.data(others, {
        embedding: Array.from({ length: DIMENSIONS }, () => 1),
      });
      expect([data.words.hits.length, data.own.hits.length, data.viewer.tenant.id]).toEqual([
        10,
        10,
        tenant.id,
      ]);
      expect(lines.join()).not.toContain(KEY);
    },
  );

  test('whose answer another attempt gets is not noticed', async () => {
    server.next(fails(503));
    const { searchChunks } = await new Client(gateway.url, (await tenant.key()).secret).data(
      QUERY,
      { input: { text: 'refund number ten' } },
    );
    expect(searchChunks.hits).toHaveLength(10);
  });
});

test('only those who ask a service that hangs wait for it, not words and not others', async () => {
  const busy = await startTestGateway({
    embedder: { ...embedder(), concurrency: 5, timeoutMs: 10_000 },
    env: { WEAVER_MAX_OPERATIONS_AT_ONCE: '2', WEAVER_MAX_OPERATIONS_IN_QUEUE: '20' },
  });
  try {
    const owner = await busy.world.tenant();
    const asker = busy.client((await owner.key()).secret);
    await (
      await (await owner.bot()).document()
    ).chunks([{ text: 'A refund', chunkIndex: 0, embedding: null }]);
    const before = server.requests.length;
    const held: (() => void)[] = [];
    server.always(
      (request, response, options) => void held.push(() => answers()(request, response, options)),
    );
    const searches = Array.from({ length: 8 }, (_, n) =>
      asker.data(
        `{ searchChunks(input: { text: "hang ${n}" }) { hits { rank } } bots { nodes { ` +
          'documents { totalCount } } } }',
      ),
    );
    const sent = await busy.statements(async () => {
      await expect.poll(() => held.length).toBe(3);
      await new Promise(resolve => setTimeout(resolve, 100));
    });
    // While they wait for it, others have their places: their other fields send nothing.
    expect(sent).toEqual([]);
    const words = await asker.data(
      '{ searchChunks(input: { text: "refund", mode: KEYWORD }) { hits { rank } } }',
    );
    expect(words.searchChunks.hits).toHaveLength(1);
    expect(
      (
        await busy
          .client((await (await busy.world.tenant()).key()).secret)
          .data('{ bots { totalCount } }')
      ).bots.totalCount,
    ).toBe(1);
    // No more of them at once than one tenant may ask the service, which keeps the other two of
    // five for others; and each in the end.
    expect(server.requests).toHaveLength(before + 3);
    server.always(answers());
    for (const answer of held) answer();
    for (const search of await Promise.all(searches))
      expect(search).toMatchObject({
        searchChunks: { hits: [] },
        bots: { nodes: [{ documents: { totalCount: 0 } }, { documents: { totalCount: 1 } }] },
      });
  } finally {
    server.always(answers());
    await busy.close();
  }
});

test('no connection waits for the embedding service', async () => {
  // One connection, which a scope that was open meanwhile would hold; on the embedded database
  // there is never more.
  const narrow = await startTestGateway({
    poolSize: 1,
    embedder: { ...embedder(), timeoutMs: 10_000 },
  });
  try {
    const owner = await narrow.world.tenant();
    const asker = narrow.client((await owner.key()).secret);
    let answer = (): void => {};
    let isAsked = (): void => {};
    const asked = new Promise<void>(resolve => void (isAsked = resolve));
    server.next((request, response, options) => {
      answer = () => answersWithVectors(vector => vector)(request, response, options);
      isAsked();
    });
    const searching = asker.data(
      '{ viewer { tenant { id } } searchChunks(input: { text: "eleven" }) { hits { rank ' +
        '} } documents { totalCount } }',
    );
    await asked;
    expect((await asker.data('{ viewer { tenant { name } } }')).viewer.tenant.name).toMatch(
      /^Tenant/,
    );
    answer();
    expect(await searching).toMatchObject({
      viewer: { tenant: { id: owner.id } },
      searchChunks: { hits: [] },
      documents: { totalCount: 0 },
    });
  } finally {
    await narrow.close();
  }
});

test('the next page compares with the same numbers, whatever the service does then', async () => {
  const all = (await client.data(QUERY, { input: { text: 'nine', topK: 30 } })).searchChunks.hits;
  const first = (await client.data(QUERY, { input: { text: 'nine', topK: 5 } })).searchChunks;
  // Another gateway, which remembers nothing, and a service that answers otherwise.
  const twin = await startGateway({
    config: { ...testConfig(), embedder: embedder() },
    database: gateway.db.database,
    log: createLogger('silent'),
  });
  server.next(answersWithVectors(vector => vector.map(value => -value)));
  const key = (await tenant.key()).secret;
  const second = (
    await new Client(twin.url, key).data(QUERY, {
      input: { text: 'nine', topK: 5, after: first.pageInfo.endCursor },
    })
  ).searchChunks;
  await twin.close();
  expect([...first.hits, ...second.hits]).toEqual(all.slice(0, 10));
});
