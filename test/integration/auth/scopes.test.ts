import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

let gateway: TestGateway;
let tenant: TenantWorld;
let botId: string;
let documentId: string;
let chunkId: string;
const clients = new Map<string, Client>();

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  const bot = await tenant.bot();
  botId = bot.id;
  const embedding = Array.from({ length: 1536 }, (_, index) => Number(index === 0));
  const document = await bot.document({ filename: 'Found.md' });
  documentId = document.id;
  [chunkId] = (await document.chunks([
    { text: 'What a search finds', chunkIndex: 0, embedding },
  ])) as [string];
  for (const scope of ['read', 'write', 'search', 'ask', 'admin'])
    clients.set(scope, gateway.client((await tenant.key({ scopes: [scope] })).secret));
  clients.set('none', gateway.client((await tenant.key({ scopes: [] })).secret));
});
afterAll(() => gateway.close());

const only = (scope: string): Client => clients.get(scope)!;

/**
 * Refused before anything ran: no statement was sent, and nothing of the operation was answered.
 */
async function expectForbidden(
  client: Client,
  coordinate: string,
  query: string,
  body: object = {},
): Promise<void> {
  let answer: unknown;
  const statements = await gateway.statements(
    async () => void (answer = await client.post(JSON.stringify({ query, ...body }))),
  );
  expect(answer).toMatchObject({
    status: 403,
    data: undefined,
    errors: [
      {
        message: expect.stringMatching(
          new RegExp(
            `^${coordinate} needs the scope .*[A-Z]+, which this API key does not have\\.$`,
          ),
        ),
        extensions: { code: 'FORBIDDEN', field: coordinate },
      },
    ],
  });
  expect(statements).toEqual([]);
}

describe('a key without the scope', () => {
  test('is told which field wants which, and nothing runs', async () => {
    await expectForbidden(only('search'), 'Query.bots', '{ bots { nodes { id } } }');
    expect((await only('search').query('{ bots { totalCount } }')).errors![0]!.message).toBe(
      'Query.bots needs the scope READ, which this API key does not have.',
    );
    await expectForbidden(
      only('read'),
      'Query.searchChunks',
      '{ searchChunks(input: { text: "found" }) { hits { rank } } }',
    );
    for (const scope of ['write', 'ask', 'admin', 'none'])
      await expectForbidden(only(scope), 'Query.documents', '{ documents { totalCount } }');
    await expectForbidden(only('none'), 'Query.viewer', '{ viewer { kind } }');
  });

  test('is refused although other fields of the operation are open to it', async () => {
    await expectForbidden(
      only('search'),
      'Query.tenant',
      '{ viewer { kind } searchChunks(input: { text: "found" }) { hits { rank } } tenant ' +
        '{ name } }',
    );
  });

  test.each([
    ['under an alias', '{ innocent: bots { totalCount } }'],
    ['in a fragment', 'query { ...F } fragment F on Query { bots { totalCount } }'],
    [
      'in a fragment of a fragment',
      'query { ...F } fragment F on Query { ...G } fragment G on Query { bots { totalCount } }',
    ],
    ['in an inline fragment', '{ ... { ... on Query { bots { totalCount } } } }'],
    ['where @skip would leave it out', '{ viewer { kind } bots @skip(if: true) { totalCount } }'],
    [
      'where a variable would leave it out',
      'query ($no: Boolean = false) { viewer { kind } ... @include(if: $no) { bots { ' +
        'totalCount } } }',
    ],
  ])('finds no way around: %s', async (_, query) => {
    await expectForbidden(only('search'), 'Query.bots', query);
  });

  test.each([
    ['viewer { tenant { name } }', 'Viewer.tenant', '{ viewer { tenant { name } } }'],
    [
      'a document of a hit leads no further than its bot',
      'Document.tenant',
      '{ searchChunks(input: { text: "found" }) { hits { chunk { document { tenant { ' +
        'name } } } } } }',
    ],
    [
      'nor to its other chunks',
      'Document.chunks',
      '{ searchChunks(input: { text: "found" }) { hits { chunk { document { chunks { ' +
        'totalCount } } } } } }',
    ],
    [
      'nor the bot to its documents',
      'Bot.documents',
      '{ searchChunks(input: { text: "found" }) { hits { chunk { bot { documents { ' +
        'totalCount } } } } } }',
    ],
    [
      'nor to its queries, in a fragment',
      'Bot.botQueries',
      '{ searchChunks(input: { text: "found" }) { hits { chunk { bot { ...B } } } } } ' +
        'fragment B on Bot { botQueries { totalCount } }',
    ],
  ])('%s', async (_, coordinate, query) => {
    await expectForbidden(only('search'), coordinate, query);
  });
});

describe('a key for searching alone', () => {
  test('sees the hits, their documents and bots', async () => {
    const { data, errors } = await only('search').query(
      '{ viewer { kind scopes } searchChunks(input: { text: "found" }) { hits { ' +
        'similarity chunk { id text document { filename chunkCount bot { name } } bot { id ' +
        'name config } } } } }',
    );
    expect(errors).toBeUndefined();
    expect(data.searchChunks.hits).toMatchObject([
      {
        chunk: {
          text: 'What a search finds',
          document: { filename: 'Found.md', chunkCount: 1 },
          bot: { id: botId },
        },
      },
    ]);
    expect(data.viewer).toEqual({ kind: 'API_KEY', scopes: ['SEARCH'] });
  });
});

describe('the vectors of chunks', () => {
  const withScopes = async (...scopes: string[]): Promise<Client> =>
    gateway.client((await tenant.key({ scopes })).secret);
  const WAYS: [string, string, string][] = [
    ['by its id', 'READ', '{ chunk(id: "CHUNK") { embedding } }'],
    ['as a node', 'READ', '{ node(id: "CHUNK") { ... on DocumentChunk { v: embedding } } }'],
    [
      'among nodes, in a fragment',
      'READ',
      '{ nodes(ids: ["CHUNK"]) { ...F } } fragment F on DocumentChunk { embedding }',
    ],
    [
      'of a document',
      'READ',
      '{ document(id: "DOCUMENT") { chunks { edges { node { embedding } } } } }',
    ],
    [
      'beside its neighbors',
      'READ',
      '{ chunk(id: "CHUNK") { neighbors(before: 1) { before { embedding } } } }',
    ],
    ['like another', 'READ', '{ chunk(id: "CHUNK") { similar { chunk { embedding } } } }'],
    [
      'that was found',
      'SEARCH',
      '{ searchChunks(input: { text: "found" }) { hits { chunk { embedding } } } }',
    ],
    [
      'in a passage',
      'SEARCH',
      '{ searchChunks(input: { text: "found", contextWindow: 1 }) { passages { chunks { ' +
        'embedding } } } }',
    ],
  ];
  const text = (query: string): string =>
    query.replace('CHUNK', chunkId).replace('DOCUMENT', documentId);

  test.each(WAYS)('are closed to a key that only reads, %s', async (_, scope, query) => {
    const client = await withScopes('read', 'search', 'ask', 'admin');
    await expectForbidden(client, 'DocumentChunk.embedding', text(query));
    expect((await client.query(text(query))).errors![0]!.message).toBe(
      'DocumentChunk.embedding needs the scope VECTORS, which this API key does not have.',
    );
    if (!query.includes('similar'))
      await expectForbidden(only(scope.toLowerCase()), 'DocumentChunk.embedding', text(query));
  });

  test.each(WAYS)(
    'are open to a key with the scope VECTORS, and to one with WRITE, %s',
    async (_, __, query) => {
      for (const scope of ['vectors', 'write']) {
        const { errors, data } = await (
          await withScopes('read', 'search', scope)
        ).query(text(query));
        expect(errors).toBeUndefined();
        if (
          !query.includes('similar') &&
          !query.includes('neighbors') &&
          !query.includes('passages')
        )
          expect(JSON.stringify(data)).toContain('[1,0,0,');
      }
    },
  );

  test('are all that the scope VECTORS opens', async () => {
    await expectForbidden(
      await withScopes('vectors'),
      'Query.chunk',
      text('{ chunk(id: "CHUNK") { embedding } }'),
    );
  });

  test('are open to those users who may write, and to the operator', async () => {
    const query = text('{ chunk(id: "CHUNK") { embedding } }');
    expect(await (await gateway.user(tenant, 'member')).query(query)).toMatchObject({
      status: 403,
      errors: [
        {
          message:
            'DocumentChunk.embedding needs the permission VECTORS, which the role MEMBER ' +
            'does not have.',
        },
      ],
    });
    for (const client of [
      await gateway.user(tenant, 'admin'),
      await gateway.user(tenant, 'owner'),
      gateway.operator,
    ]) {
      expect((await client.data(query)).chunk.embedding).toHaveLength(1536);
    }
  });

  test('are given by keys and users that have them, and by no others', async () => {
    const create = (client: Client) =>
      client.query(
        'mutation { createApiKey(input: { name: "Vectors", scopes: [READ, VECTORS], ' +
          'rateLimitRpm: 1 }) { apiKey { scopes } } }',
      );
    for (const client of [
      await withScopes('read', 'admin', 'vectors'),
      await withScopes('read', 'admin', 'write'),
      await gateway.user(tenant, 'admin'),
    ]) {
      expect((await create(client)).data.createApiKey.apiKey.scopes).toEqual(['READ', 'VECTORS']);
    }
    expect(await create(await withScopes('read', 'search', 'admin'))).toMatchObject({
      errors: [
        {
          message: 'The key would have VECTORS, which you do not have.',
          extensions: { code: 'FORBIDDEN', field: 'input.scopes' },
        },
      ],
    });
  });
});

describe('a document with several operations', () => {
  const query =
    'query Search { searchChunks(input: { text: "found" }) { hits { rank } } } query ' +
    'Lists { ...L } fragment L on Query { bots { totalCount } }';

  test('is judged by the one that runs', async () => {
    expect(
      await only('search').post(JSON.stringify({ query, operationName: 'Search' })),
    ).toMatchObject({ status: 200, data: { searchChunks: { hits: [{ rank: 1 }] } } });
    await expectForbidden(only('search'), 'Query.bots', query, { operationName: 'Lists' });
    expect(
      await only('read').post(JSON.stringify({ query, operationName: 'Lists' })),
    ).toMatchObject({ status: 200, data: { bots: { totalCount: 2 } } });
  });

  test('is judged anew each time, whichever ran before', async () => {
    for (const [name, status] of [
      ['Lists', 403],
      ['Search', 200],
      ['Lists', 403],
    ] as const) {
      expect(
        (await only('search').post(JSON.stringify({ query, operationName: name }))).status,
      ).toBe(status);
    }
    expect(
      (await only('read').post(JSON.stringify({ query, operationName: 'Lists' }))).status,
    ).toBe(200);
    expect(
      (await only('search').post(JSON.stringify({ query, operationName: 'Lists' }))).status,
    ).toBe(403);
  });

  test.each([
    [{}],
    [{ operationName: null }],
    [{ operationName: '' }],
    [{ operationName: 'Other' }],
  ])('runs none of them where none is named: %j', async body => {
    for (const client of [only('search'), only('read'), gateway.client()]) {
      let answer: unknown;
      const statements = await gateway.statements(
        async () => void (answer = await client.post(JSON.stringify({ query, ...body }))),
      );
      expect(answer).toMatchObject({
        status: 400,
        data: undefined,
        errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
      });
      expect(statements).toEqual([]);
    }
  });
});

describe('nobody', () => {
  test('may look at the schema and at the health of the gateway', async () => {
    const nobody = gateway.client();
    expect(
      (
        await nobody.data(
          '{ __schema { types { name fields { name } } } __type(name: "Bot") { ' +
            'description } __typename }',
        )
      ).__schema.types.length,
    ).toBeGreaterThan(20);
    expect(
      (
        await nobody.data(
          'query { ...T } fragment T on Query { __typename t: __type(name: "Query") { name } }',
        )
      ).t,
    ).toEqual({ name: 'Query' });
    for (const path of ['live', 'ready'])
      expect((await fetch(`${gateway.url}/health/${path}`)).status).toBe(200);
  });

  test('gets nothing else, not even beside what is open', async () => {
    for (const query of [
      '{ viewer { kind } }',
      '{ __typename bots { totalCount } }',
      '{ __schema { queryType { name } } ...F } fragment F on Query { tenants { totalCount } }',
      `{ node(id: "${botId}") { __typename } }`,
      '{ searchChunks(input: { text: "found" }) { tookMs } }',
      '{ viewer @skip(if: true) { kind } }',
    ]) {
      let answer: unknown;
      const statements = await gateway.statements(
        async () => void (answer = await gateway.client().query(query)),
      );
      expect(answer, query).toMatchObject({
        status: 401,
        data: undefined,
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      });
      expect(statements).toEqual([]);
    }
  });
});
