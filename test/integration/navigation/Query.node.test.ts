import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const UNKNOWN = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';

type Ids = Record<
  | 'Tenant'
  | 'User'
  | 'Bot'
  | 'Document'
  | 'DocumentChunk'
  | 'ApiKey'
  | 'BotQuery'
  | 'Upload'
  | 'Ingestion',
  string
>;

let gateway: TestGateway;
let tenant: TenantWorld;
let stranger: TenantWorld;
let client: Client;
let own: Ids;
let foreign: Ids;

async function oneOfEach(of: TenantWorld): Promise<Ids> {
  const bot = await of.bot({ name: 'The bot' });
  const document = await bot.document({ filename: 'The document' });
  const [chunk] = await document.chunks([{ text: 'The chunk', chunkIndex: 7, embedding: null }]);
  return {
    Tenant: of.id,
    User: await of.user({ email: 'the@user.example' }),
    Bot: bot.id,
    Document: document.id,
    DocumentChunk: chunk!,
    ApiKey: (await of.key({ name: 'The key' })).id,
    BotQuery: await bot.query({ query: 'The query' }),
    Upload: await bot.upload({ filename: 'The upload' }),
    Ingestion: await document.ingestion({ filename: 'The ingestion' }),
  };
}

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant({ name: 'The tenant' });
  stranger = await gateway.world.tenant({ name: 'The stranger' });
  client = gateway.client((await tenant.key()).secret);
  own = await oneOfEach(tenant);
  foreign = await oneOfEach(stranger);
});
afterAll(() => gateway.close());

const FRAGMENTS = `__typename id
  ... on Tenant { name } ... on User { email role } ... on Bot { label: name }
    ... on Document { filename bot { id name } }
  ... on DocumentChunk { text document { filename } } ... on ApiKey { name scopes }
    ... on BotQuery { query bot { name } } ... on Upload { filename state }
    ... on Ingestion { filename progress: state }`;

/** What `FRAGMENTS` shows of one of each. */
const shownOf = (ids: Ids, tenantName = 'The tenant') => ({
  Tenant: { __typename: 'Tenant', id: ids.Tenant, name: tenantName },
  User: { __typename: 'User', id: ids.User, email: 'the@user.example', role: 'MEMBER' },
  Bot: { __typename: 'Bot', id: ids.Bot, label: 'The bot' },
  Document: {
    __typename: 'Document',
    id: ids.Document,
    filename: 'The document',
    bot: { id: ids.Bot, name: 'The bot' },
  },
  DocumentChunk: {
    __typename: 'DocumentChunk',
    id: ids.DocumentChunk,
    text: 'The chunk',
    document: { filename: 'The document' },
  },
  ApiKey: { __typename: 'ApiKey', id: ids.ApiKey, name: 'The key', scopes: ['READ', 'SEARCH'] },
  BotQuery: {
    __typename: 'BotQuery',
    id: ids.BotQuery,
    query: 'The query',
    bot: { name: 'The bot' },
  },
  Ingestion: {
    __typename: 'Ingestion',
    id: ids.Ingestion,
    filename: 'The ingestion',
    progress: 'CANCELLED',
  },
  Upload: { __typename: 'Upload', id: ids.Upload, filename: 'The upload', state: 'WAITING' },
});
const TYPES = [
  'Tenant',
  'User',
  'Bot',
  'Document',
  'DocumentChunk',
  'ApiKey',
  'BotQuery',
  'Upload',
  'Ingestion',
] as const;

describe('Query.node', () => {
  test.each(TYPES)('finds a %s, and shows what the fragment on it asks', async type => {
    const { node } = await client.data(`query ($id: ID!) { node(id: $id) { ${FRAGMENTS} } }`, {
      id: own[type],
    });
    expect(node).toEqual(shownOf(own)[type]);
  });

  test.each(TYPES)("finds no %s of another tenant's: null, as for an unknown id", async type => {
    const answer = await client.query(
      `query ($id: ID!, $unknown: ID!) { node(id: $id) { id } unknown: node(id: $unknown) { id } }`,
      { id: foreign[type], unknown: UNKNOWN },
    );
    expect(answer).toMatchObject({
      status: 200,
      data: { node: null, unknown: null },
      errors: undefined,
    });
  });

  test('shows nothing of a fragment on another type', async () => {
    expect(
      await client.data(
        'query ($id: ID!) { node(id: $id) { ... on Document { filename } ... on Tenant { ' +
          'name } } }',
        { id: own.Bot },
      ),
    ).toEqual({ node: {} });
  });

  test('takes an id whatever the case of its letters, and shows it as it is stored', async () => {
    const { node } = await client.data('query ($id: ID!) { node(id: $id) { id } }', {
      id: own.Bot.toUpperCase(),
    });
    expect(node).toEqual({ id: own.Bot });
  });

  test('costs one statement to find the type, and one for the row beyond its id', async () => {
    expect(
      await gateway.statements(() =>
        client.data('query ($id: ID!) { node(id: $id) { id __typename } }', { id: own.Bot }),
      ),
    ).toEqual(['nodeTypes']);
    expect(
      await gateway.statements(() =>
        client.data('query ($id: ID!) { node(id: $id) { ... on Bot { name } } }', { id: own.Bot }),
      ),
    ).toEqual(['nodeTypes', 'botsById']);
  });

  test('asked several times in one operation costs no more', async () => {
    const query =
      'query ($a: ID!, $b: ID!) { a: node(id: $a) { ... on Bot { name } } b: node(id: ' +
      '$b) { ... on Bot { config } } again: node(id: $a) { id } }';
    expect(
      await gateway.statements(() => client.data(query, { a: own.Bot, b: own.Document })),
    ).toEqual(['nodeTypes', 'botsById']);
  });

  test('shows the operator everything of everyone', async () => {
    for (const type of TYPES) {
      const { node } = await gateway.operator.data(
        `query ($id: ID!) { node(id: $id) { ${FRAGMENTS} } }`,
        { id: foreign[type] },
      );
      expect(node).toEqual(shownOf(foreign, 'The stranger')[type]);
    }
    expect(
      await gateway.operator.data('query ($id: ID!) { node(id: $id) { id } }', { id: UNKNOWN }),
    ).toEqual({ node: null });
  });
});

describe('Query.nodes', () => {
  const NODES = `query ($ids: [ID!]!) { nodes(ids: $ids) { ${FRAGMENTS} } }`;

  test('finds one of each type in the order asked', async () => {
    const shown = shownOf(own);
    for (const types of [[...TYPES], TYPES.toReversed()]) {
      const { nodes } = await client.data(NODES, { ids: types.map(type => own[type]) });
      expect(nodes).toEqual(types.map(type => shown[type]));
    }
  });

  test('has null for each unknown or foreign id, and repeats what is asked twice', async () => {
    const ids = [
      UNKNOWN,
      own.Bot,
      foreign.Bot,
      own.Bot,
      foreign.Document,
      own.Document,
      UNKNOWN,
      foreign.Tenant,
    ];
    const { nodes } = await client.data(NODES, { ids });
    const { Bot, Document } = shownOf(own);
    expect(nodes).toEqual([null, Bot, null, Bot, null, Document, null, null]);
  });

  test('of no ids is empty', async () => {
    expect(await client.data(NODES, { ids: [] })).toEqual({ nodes: [] });
    expect(await gateway.statements(() => client.data(NODES, { ids: [] }))).toEqual([]);
  });

  test('costs one statement for the types and one for each type, however many ids', async () => {
    const few = await gateway.statements(() =>
      client.data(
        'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Bot { name } ... on User { email } } }',
        { ids: [own.Bot, own.User] },
      ),
    );
    expect(few).toEqual(['nodeTypes', 'botsById', 'profilesById']);
    const users: string[] = [];
    for (let nth = 0; nth < 20; nth += 1) users.push(await tenant.user());
    const many = await gateway.statements(() =>
      client.data(
        'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Bot { name } ... on User { email } } }',
        { ids: [own.Bot, ...users, ...users] },
      ),
    );
    expect(many).toEqual(few);
    const all = await gateway.statements(() => client.data(NODES, { ids: Object.values(own) }));
    expect(all.toSorted().filter((name, index, names) => names.indexOf(name) === index)).toEqual([
      'api_keysById',
      'bot_queriesById',
      'botsById',
      'doc_chunksById',
      'docsById',
      'ingestionsById',
      'nodeTypes',
      'profilesById',
      'tenantsById',
      'uploadsById',
    ]);
  });

  test('lists below several types at once cost one statement each', async () => {
    const query = `query ($ids: [ID!]!) { nodes(ids: $ids) {
      ... on Tenant { bots(first: 1) { totalCount } } ... on Bot { documents { nodes { filename } }
        } ... on Document { chunks { nodes { text } } }
    } }`;
    const names = await gateway.statements(() => client.data(query, { ids: Object.values(own) }));
    expect(names).toEqual(['nodeTypes', 'botsCount', 'documentsOfBot', 'chunksOfDocument']);
  });

  test('takes 100 ids and refuses 101, naming the limit', async () => {
    const ids = Array.from({ length: 100 }, () => UNKNOWN);
    expect((await client.data(NODES, { ids })).nodes).toEqual(ids.map(() => null));
    const { errors } = await client.query(NODES, { ids: [...ids, UNKNOWN] });
    expect(errors).toMatchObject([
      {
        message: 'ids has 101 items; the limit is 100.',
        extensions: { code: 'BAD_USER_INPUT', field: 'ids' },
      },
    ]);
  });

  test('names the one that is no UUID', async () => {
    const { errors } = await client.query(NODES, { ids: [own.Bot, 'x'] });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'ids[1]' } }]);
  });
});

describe('Query.tenant', () => {
  test('is your own without an id, and by its id', async () => {
    const answer = await client.data(
      'query ($id: ID) { tenant { id name } null: tenant(id: null) { id } byId: ' +
        'tenant(id: $id) { name } }',
      { id: tenant.id },
    );
    expect(answer).toEqual({
      tenant: { id: tenant.id, name: 'The tenant' },
      null: { id: tenant.id },
      byId: { name: 'The tenant' },
    });
  });

  test('is null for a tenant that is not yours, as for one that does not exist', async () => {
    for (const id of [stranger.id, UNKNOWN, own.Bot]) {
      expect(
        await client.query('query ($id: ID) { tenant(id: $id) { id name bots { totalCount } } }', {
          id,
        }),
      ).toMatchObject({ status: 200, data: { tenant: null }, errors: undefined });
    }
  });

  test('must be named by an operator', async () => {
    const { data, errors } = await gateway.operator.query('{ tenant { id } }');
    expect(data).toEqual({ tenant: null });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'id' } }]);
    expect(
      await gateway.operator.data('query ($id: ID) { tenant(id: $id) { name } }', {
        id: stranger.id,
      }),
    ).toEqual({ tenant: { name: 'The stranger' } });
    expect(
      await gateway.operator.data('query ($id: ID) { tenant(id: $id) { name } }', { id: UNKNOWN }),
    ).toEqual({ tenant: null });
  });
});

describe('Query.tenants', () => {
  test('has all tenants for an operator, one for everyone else, whatever the filter', async () => {
    const { tenants } = await gateway.operator.data('{ tenants { totalCount nodes { id } } }');
    expect(tenants).toEqual({ totalCount: 2, nodes: [{ id: stranger.id }, { id: tenant.id }] });
    for (const filter of [
      '{}',
      '{not: {id: {isNull: true}}}',
      `{or: [{id: {eq: "${stranger.id}"}}, {id: {isNull: false}}]}`,
    ]) {
      expect(
        await client.data(`{ tenants(filter: ${filter}) { totalCount nodes { id } } }`),
      ).toEqual({ tenants: { totalCount: 1, nodes: [{ id: tenant.id }] } });
    }
    expect(
      await client.data(
        `{ tenants(filter: {id: {eq: "${stranger.id}"}}) { totalCount nodes { id } } }`,
      ),
    ).toEqual({ tenants: { totalCount: 0, nodes: [] } });
  });
});

describe.each([
  ['bot', 'Bot'],
  ['document', 'Document'],
  ['chunk', 'DocumentChunk'],
] as const)('Query.%s', (field, type) => {
  test("finds your own; null for an unknown, a foreign or another type's id", async () => {
    const query =
      `query ($own: ID!, $foreign: ID!, $unknown: ID!, $other: ID!) { own: ${field}(id: ` +
      `$own) { id } foreign: ${field}(id: $foreign) { id } unknown: ${field}(id: $unknown) ` +
      `{ id } other: ${field}(id: $other) { id } }`;
    const variables = {
      own: own[type],
      foreign: foreign[type],
      unknown: UNKNOWN,
      other: own.Tenant,
    };
    expect(await client.query(query, variables)).toMatchObject({
      status: 200,
      data: { own: { id: own[type] }, foreign: null, unknown: null, other: null },
      errors: undefined,
    });
    expect(await gateway.statements(() => client.data(query, variables))).toHaveLength(1);
    expect(await gateway.operator.data(query, variables)).toEqual({
      own: { id: own[type] },
      foreign: { id: foreign[type] },
      unknown: null,
      other: null,
    });
  });
});

describe('Query.viewer', () => {
  test('is the key that asks, and its tenant', async () => {
    const { id, secret } = await tenant.key({ name: 'Viewing', scopes: ['read', 'ask'] });
    expect(
      await gateway
        .client(secret)
        .data('{ viewer { kind scopes tenant { name } apiKey { id name } } }'),
    ).toEqual({
      viewer: {
        kind: 'API_KEY',
        scopes: ['READ', 'ASK'],
        tenant: { name: 'The tenant' },
        apiKey: { id, name: 'Viewing' },
      },
    });
  });

  test('is the operator, who has neither', async () => {
    expect(
      await gateway.operator.data('{ viewer { kind scopes tenant { name } apiKey { id } } }'),
    ).toEqual({
      viewer: {
        kind: 'OPERATOR',
        scopes: ['READ', 'WRITE', 'SEARCH', 'ASK', 'ADMIN'],
        tenant: null,
        apiKey: null,
      },
    });
  });
});
