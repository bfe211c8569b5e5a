import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { BotWorld, TenantWorld } from '../../support/world.js';

const BOTS = 20;
const DOCUMENTS = 4;
const CHUNKS = 3;

let gateway: TestGateway;
let tenant: TenantWorld;
let key: { id: string; secret: string };
/** The bots and, of each, the filenames of its documents, newest first. */
const bots: { bot: BotWorld; filenames: string[] }[] = [];

beforeAll(async () => {
  gateway = await startTestGateway({ env: { WEAVER_MAX_ROOT_FIELDS: '101' } });
  tenant = await gateway.world.tenant({ name: 'Batching' });
  key = await tenant.key();
  const vector = Array.from({ length: 1536 }, (_, index) => (index === 0 ? 1 : 0));
  for (let nth = 0; nth < BOTS; nth += 1) {
    const bot = await tenant.bot({
      name: `Bot ${nth}`,
      created_at: `2030-01-01T00:00:${String(nth).padStart(2, '0')}Z`,
    });
    const filenames: string[] = [];
    for (let document = 0; document < DOCUMENTS; document += 1) {
      const filename = `${nth}-${document}.md`;
      const made = await bot.document({
        filename,
        size_bytes: nth,
        tags: document === 0 ? '{first,all}' : '{all}',
        created_at: `2026-01-0${document + 1}T00:00:00Z`,
      });
      await made.chunks(
        Array.from({ length: CHUNKS }, (_, index) => ({
          text: `${filename} ${index}`,
          chunkIndex: index,
          embedding: index < document ? vector : null,
        })),
      );
      filenames.unshift(filename);
    }
    await bot.query({ query: `Of ${nth}?`, api_key_id: key.id, latency_ms: nth });
    await bot.query({ query: `And ${nth}?`, latency_ms: nth });
    await tenant.user();
    await tenant.key();
    bots.push({ bot, filenames });
  }
  for (let nth = 0; nth < 4; nth += 1) {
    const other = await gateway.world.tenant({ name: `Other ${nth}` });
    await other.user();
    await other.key();
    const bot = await other.bot();
    await (await bot.document()).texts(1);
    await bot.query();
  }
});
afterAll(() => gateway.close());

const statementsOf = (query: string, variables?: Record<string, unknown>) =>
  gateway.statements(() => gateway.client(key.secret).data(query, variables));
const statementsOfOperator = (query: string, variables?: Record<string, unknown>) =>
  gateway.statements(() => gateway.operator.data(query, variables));

const dataOf = (query: string, variables?: Record<string, unknown>) =>
  gateway.client(key.secret).data(query, variables);

/** The statements of a query over `$n` parents, which must be the same for two and for twenty. */
async function statementsForAnyNumber(
  query: string,
  { ask = statementsOf, variables = {} } = {},
): Promise<string[]> {
  const few = await ask(query, { ...variables, n: 2 });
  expect(await ask(query, { ...variables, n: BOTS })).toEqual(few);
  return few;
}

describe('navigation downwards', () => {
  test('tenant to bots to documents to chunks costs one statement for each level', async () => {
    expect(
      await statementsForAnyNumber(
        'query ($n: Int) { tenant { id name bots(first: $n) { nodes { id name ' +
          'documents(first: 3) { nodes { id filename chunks(first: 2) { nodes { id text } ' +
          '} } } } } } }',
      ),
    ).toEqual(['tenantsById', 'bots', 'documentsOfBot', 'chunksOfDocument']);
  });

  test('costs no more with tags, selected and filtered by', async () => {
    const query = `query ($n: Int) {
      bots(first: $n, filter: {name: {startsWith: "Bot "}}) { nodes {
        all: documents(filter: {tags: {hasAll: ["all"]}}) { totalCount nodes { tags } }
        first: documents(filter: {tags: {hasAny: ["first", "none"]}}) { nodes { filename tags } }
        none: documents(filter: {tags: {isEmpty: true}}) { nodes { tags } }
      } }
    }`;
    expect(await statementsForAnyNumber(query)).toEqual([
      'bots',
      'documentsOfBot',
      'documentsOfBotCount',
    ]);
    const { bots: connection } = await dataOf(query, { n: BOTS });
    for (const { all, first, none } of connection.nodes) {
      expect(all.totalCount).toBe(DOCUMENTS);
      expect(first.nodes).toEqual([
        { filename: expect.stringMatching(/-0\.md$/), tags: ['first', 'all'] },
      ]);
      expect(none.nodes).toEqual([]);
    }
  });

  test('costs no more with edges, cursors, filters, orders, later and backward pages', async () => {
    const { bot } = await dataOf(
      'query ($id: ID!) { bot(id: $id) { documents(first: 1, orderBy: {field: FILENAME}) ' +
        '{ pageInfo { endCursor } } } }',
      { id: bots[0]!.bot.id },
    );
    expect(
      await statementsForAnyNumber(
        `query ($n: Int, $after: String) {
          bots(first: $n, filter: {name: {contains: "bot"}}, orderBy:
            {field: NAME, direction: DESC}) { edges { cursor node {
            documents(first: 2, after: $after, filter: {not: {sizeBytes: {lt: 10}}}, orderBy:
              {field: FILENAME}) { pageInfo { hasNextPage endCursor } edges { cursor node {
              chunks(last: 2, orderBy: [{field: PAGE_NUM}, {field: CHUNK_INDEX, direction: DESC}])
                { edges { node { text } } pageInfo { hasPreviousPage } }
            } } }
          } } }
        }`,
        { variables: { after: bot.documents.pageInfo.endCursor } },
      ),
    ).toEqual(['bots', 'documentsOfBot', 'chunksOfDocument']);
  });

  test('gives twenty parents their own rows', async () => {
    const { tenant: found } = await dataOf(
      '{ tenant { bots(last: 20) { nodes { id documents(first: 2) { nodes { filename bot ' +
        '{ id } chunks { nodes { text } } } } } } } }',
    );
    expect(found.bots.nodes).toEqual(
      bots.map(({ bot, filenames }) => ({
        id: bot.id,
        documents: {
          nodes: filenames.slice(0, 2).map(filename => ({
            filename,
            bot: { id: bot.id },
            chunks: { nodes: [0, 1, 2].map(index => ({ text: `${filename} ${index}` })) },
          })),
        },
      })),
    );
  });

  test('through the operator, over all tenants, costs the same', async () => {
    expect(
      await statementsForAnyNumber(
        `query ($n: Int) { tenants(first: $n) { totalCount nodes { name
          users { nodes { email } } apiKeys { nodes { name botQueries { nodes { query } } } }
            botQueries { nodes { query } }
          bots { nodes { name documents { nodes { filename chunks { nodes { text } } } } } } } } }`,
        { ask: statementsOfOperator },
      ),
    ).toEqual([
      'tenants',
      'tenantsCount',
      'users',
      'apiKeys',
      'botQueries',
      'bots',
      'botQueriesOfApiKey',
      'documentsOfBot',
      'chunksOfDocument',
    ]);
  });

  test('gives the operator each tenant with its own', async () => {
    const { tenants } = await gateway.operator.data(
      '{ tenants(first: 5, filter: {name: {startsWith: "other "}}) { nodes { id users { ' +
        'nodes { tenant { id } } } apiKeys { nodes { tenant { id } } } botQueries { nodes ' +
        '{ tenant { id } } } bots { nodes { tenant { id } documents { nodes { tenant { id ' +
        '} chunks { nodes { tenant { id } } } } } } } documents { totalCount } } } }',
    );
    expect(tenants.nodes).toHaveLength(4);
    for (const found of tenants.nodes) {
      const own = { tenant: { id: found.id } };
      expect(found).toMatchObject({
        users: { nodes: [own] },
        apiKeys: { nodes: [own] },
        botQueries: { nodes: [own] },
        documents: { totalCount: 1 },
      });
      expect(found.bots.nodes).toHaveLength(2);
      expect(found.bots.nodes[1]).toEqual({
        ...own,
        documents: { nodes: [{ ...own, chunks: { nodes: [own] } }] },
      });
    }
  });
});

describe('navigation upwards', () => {
  test('documents to bot to tenant costs one statement for each level', async () => {
    expect(
      await statementsForAnyNumber(
        'query ($n: Int) { documents(first: $n) { nodes { filename bot { name tenant { ' +
          'name } } } } }',
      ),
    ).toEqual(['documents', 'botsById', 'tenantsById']);
  });

  test('chunk to document to bot to tenant costs one statement for each level', async () => {
    const { chunks } = (
      await dataOf('{ documents(first: 1) { nodes { chunks(first: 1) { nodes { id } } } } }')
    ).documents.nodes[0];
    expect(
      await statementsOf(
        'query ($id: ID!) { chunk(id: $id) { text document { filename bot { name tenant ' +
          '{ name } } } } }',
        { id: chunks.nodes[0].id },
      ),
    ).toEqual(['doc_chunksById', 'docsById', 'botsById', 'tenantsById']);
  });

  test('costs one for each type, from many chunks to document, bot and tenant', async () => {
    const names = await statementsForAnyNumber(
      'query ($n: Int) { documents(first: $n) { nodes { id chunks { nodes { document { ' +
        'filename } bot { name } tenant { name } } } } } }',
    );
    expect(names.toSorted()).toEqual([
      'botsById',
      'chunksOfDocument',
      'docsById',
      'documents',
      'tenantsById',
    ]);
  });

  test('bot queries to bot and key costs one for each, however many', async () => {
    const names = await statementsForAnyNumber(
      'query ($n: Int) { botQueries(first: $n) { nodes { query bot { name } apiKey { ' +
        'name } tenant { name } } } }',
    );
    expect(names.toSorted()).toEqual(['api_keysById', 'botQueries', 'botsById', 'tenantsById']);
  });

  test('users, keys and bots to their tenant costs one for each type', async () => {
    const names = await statementsForAnyNumber(
      'query ($n: Int) { tenant { name users(first: $n) { nodes { email tenant { name } ' +
        '} } apiKeys(first: $n) { nodes { name tenant { name } } } bots(first: $n) { nodes ' +
        '{ name tenant { name } } } } }',
    );
    expect(names.slice(0, 4).toSorted()).toEqual(['apiKeys', 'bots', 'tenantsById', 'users']);
    // What was read for `tenant` itself serves all of them.
    expect(names).toHaveLength(4);
  });

  test('gives each row its own parents, and null where there is none', async () => {
    const { botQueries } = await dataOf(
      '{ botQueries(first: 100) { nodes { query bot { id name } apiKey { id name } ' +
        'tenant { name } } } }',
    );
    expect(botQueries.nodes).toHaveLength(2 * BOTS);
    for (const found of botQueries.nodes) {
      const nth = Number(/\d+/.exec(found.query)![0]);
      expect(found.bot).toEqual({ id: bots[nth]!.bot.id, name: `Bot ${nth}` });
      expect(found.apiKey).toEqual(
        found.query.startsWith('Of') ? { id: key.id, name: 'Test key' } : null,
      );
      expect(found.tenant).toEqual({ name: 'Batching' });
    }
  });

  test('costs nothing where only ids or lists of the parent are selected', async () => {
    expect(
      await statementsOf(
        '{ documents(first: 5) { nodes { id bot { id __typename tenant { id } } tenant { ' +
          'id } } } }',
      ),
    ).toEqual(['documents']);
    expect(
      await statementsOf(
        '{ botQueries(first: 5) { nodes { id bot { id } apiKey { id } } } viewer { ' +
          'tenant { id } apiKey { id } } }',
      ),
    ).toEqual(['botQueries']);
    expect(
      await statementsOf(
        '{ documents(first: 5) { nodes { id bot { documents(first: 1) { nodes { id } } } } } }',
      ),
    ).toEqual(['documents', 'documentsOfBot']);
  });
});

describe('Bot.documents', () => {
  test('costs one statement under two aliases, with the right rows for each', async () => {
    const query = `query ($n: Int) { bots(last: $n) { nodes { id
      newest: documents(first: 1) { nodes { filename } }
      oldest: documents(last: 2) { nodes { filename } }
      named: documents(filter: {filename: {contains: "-2"}})
        { edges { cursor node { filename sizeBytes } } }
      byName: documents(first: 3, orderBy: {field: FILENAME, direction: DESC}) { nodes { filename }
        }
    } } }`;
    expect(await statementsForAnyNumber(query)).toEqual(['bots', 'documentsOfBot']);
    const { nodes } = (await dataOf(query, { n: BOTS })).bots;
    expect(nodes.map((node: { id: string }) => node.id)).toEqual(bots.map(({ bot }) => bot.id));
    for (const [nth, found] of nodes.entries()) {
      const { filenames } = bots[nth]!;
      const named = (names: string[]) => ({ nodes: names.map(filename => ({ filename })) });
      expect(found.newest).toEqual(named(filenames.slice(0, 1)));
      expect(found.oldest).toEqual(named(filenames.slice(2)));
      expect(found.named.edges.map((edge: { node: object }) => edge.node)).toEqual([
        { filename: `${nth}-2.md`, sizeBytes: nth },
      ]);
      expect(found.byName).toEqual(named(filenames.toSorted().reverse().slice(0, 3)));
    }
  });

  test('asked twice for one bot in one batch gives each its own page', async () => {
    const [{ bot, filenames }] = bots as [(typeof bots)[0]];
    const query = `query ($id: ID!, $ids: [ID!]!) {
      a: bot(id: $id) { documents(first: 1) { nodes { filename } } }
      b: bot(id: $id) { documents(first: 3) { nodes { filename } } }
      nodes(ids: $ids) { ... on Bot { documents(first: 2) { nodes { filename } totalCount } } }
    }`;
    const found = await dataOf(query, { id: bot.id, ids: [bot.id, bot.id] });
    const names = (connection: { nodes: { filename: string }[] }) =>
      connection.nodes.map(node => node.filename);
    expect(names(found.a.documents)).toEqual(filenames.slice(0, 1));
    expect(names(found.b.documents)).toEqual(filenames.slice(0, 3));
    expect(found.nodes).toHaveLength(2);
    for (const node of found.nodes)
      expect([names(node.documents), node.documents.totalCount]).toEqual([
        filenames.slice(0, 2),
        DOCUMENTS,
      ]);
  });

  test('asked at two depths is one statement for each', async () => {
    const names = await statementsForAnyNumber(
      'query ($n: Int) { bots(first: $n) { nodes { documents(first: 1) { nodes { id bot ' +
        '{ documents(first: 2) { nodes { filename } } } } } } } }',
    );
    expect(names).toEqual(['bots', 'documentsOfBot', 'documentsOfBot']);
  });

  test('with the counts of twenty bots costs one statement for rows, one for counts', async () => {
    const query =
      'query ($n: Int) { bots(last: $n) { nodes { documents(first: 1, filter: {filename: ' +
      '{contains: "-1"}}) { totalCount nodes { filename } } all: documents { totalCount ' +
      '} } } }';
    expect(await statementsForAnyNumber(query)).toEqual([
      'bots',
      'documentsOfBot',
      'documentsOfBotCount',
    ]);
    const { nodes } = (await dataOf(query, { n: BOTS })).bots;
    expect(nodes).toEqual(
      bots.map((_, nth) => ({
        documents: { totalCount: 1, nodes: [{ filename: `${nth}-1.md` }] },
        all: { totalCount: DOCUMENTS },
      })),
    );
  });

  test('with totalCount alone reads no rows', async () => {
    expect(
      await statementsForAnyNumber(
        'query ($n: Int) { bots(first: $n) { nodes { documents { totalCount } } } }',
      ),
    ).toEqual(['bots', 'documentsOfBotCount']);
    expect(await statementsOf('{ bots { totalCount } documents { totalCount } }')).toEqual([
      'botsCount',
      'documentsCount',
    ]);
  });

  test('whose type alone is selected read nothing, for twenty bots as for one', async () => {
    const query = 'query($n: Int) { bots(first: $n) { nodes { documents { __typename } } } }';
    expect(await statementsForAnyNumber(query)).toHaveLength(1);
    expect((await dataOf(query, { n: 2 })).bots.nodes).toEqual(
      Array.from({ length: 2 }, () => ({ documents: { __typename: 'DocumentConnection' } })),
    );
  });

  test('counts all pages, whatever the page', async () => {
    const { bot } = bots[0]!;
    const { bot: found } = await dataOf(
      'query ($id: ID!) { bot(id: $id) { documents(first: 2) { totalCount pageInfo { ' +
        'endCursor } } } }',
      { id: bot.id },
    );
    const { bot: later } = await dataOf(
      'query ($id: ID!, $after: String) { bot(id: $id) { documents(first: 2, after: ' +
        '$after) { totalCount nodes { id } } } }',
      {
        id: bot.id,
        after: found.documents.pageInfo.endCursor,
      },
    );
    expect([
      found.documents.totalCount,
      later.documents.totalCount,
      later.documents.nodes.length,
    ]).toEqual([DOCUMENTS, DOCUMENTS, 2]);
  });
});

describe('one list at many places of an operation', () => {
  const listAt = (nth: number) =>
    `at${nth}: bots(first: ${nth + 1}, filter: $filter) { totalCount nodes { name } }`;
  const query = (places: number) => {
    const lists = Array.from({ length: places }, (_, nth) => listAt(nth));
    return `query ($filter: BotFilter) { ${lists.join('\n')} }`;
  };
  // As many comparisons as a filter may have.
  const filter = { or: Array.from({ length: 100 }, (_, nth) => ({ name: { eq: `Bot ${nth}` } })) };

  test('is two statements at 100 of them, with the right rows for each', async () => {
    expect(await statementsOf(query(100), { filter })).toEqual(['bots', 'botsCount']);
    const found = Object.values<{ totalCount: number; nodes: object[] }>(
      await dataOf(query(100), { filter }),
    );
    for (const [nth, list] of found.entries()) {
      expect(list.totalCount).toBe(BOTS);
      expect(list.nodes).toEqual(
        bots.slice(0, nth + 1).map((_, index) => ({ name: `Bot ${index}` })),
      );
    }
  });

  test('is refused at the 101st: a statement grows with each', async () => {
    const { status, errors } = await gateway.client(key.secret).query(query(101), { filter });
    expect(status).toBeLessThan(500);
    expect(errors).toMatchObject([
      {
        extensions: { code: 'QUERY_TOO_COMPLEX', field: 'Query.bots' },
        message: expect.stringContaining('100'),
      },
    ]);
    expect((await dataOf('{ bots { totalCount } }')).bots.totalCount).toBe(BOTS + 1);
  });

  test('counts as one below however many parents', async () => {
    const found = await dataOf(
      '{ bots(first: 100) { nodes { documents { nodes { bot { documents { nodes { bot { ' +
        'documents(first: 1) { nodes { id } } } } } } } } } } }',
    );
    expect(found.bots.nodes).toHaveLength(BOTS + 1);
  });
});

describe('counts and figures of many parents', () => {
  test('Document.chunkCount and Document.progress cost one statement together', async () => {
    const query =
      'query ($n: Int) { documents(first: $n, orderBy: {field: FILENAME}) { nodes { ' +
      'filename chunkCount progress { chunkCount embeddedChunkCount embeddedShare } } } }';
    expect(await statementsForAnyNumber(query)).toEqual(['documents', 'chunkCounts']);
    const { documents } = await dataOf(query, { n: BOTS });
    for (const found of documents.nodes) {
      const embedded = Math.min(Number(found.filename.split(/[-.]/)[1]), CHUNKS);
      expect(found).toMatchObject({
        chunkCount: CHUNKS,
        progress: {
          chunkCount: CHUNKS,
          embeddedChunkCount: embedded,
          embeddedShare: embedded / CHUNKS,
        },
      });
    }
  });

  test('Bot.stats costs one statement', async () => {
    const query =
      'query ($n: Int) { bots(last: $n) { nodes { stats { documents chunks botQueries ' +
      'averageLatencyMs lastAskedAt } } } }';
    expect(await statementsForAnyNumber(query)).toEqual(['bots', 'botStats']);
    const { nodes } = (await dataOf(query, { n: BOTS })).bots;
    for (const [nth, { stats }] of nodes.entries()) {
      expect(stats).toEqual({
        documents: DOCUMENTS,
        chunks: DOCUMENTS * CHUNKS,
        botQueries: 2,
        averageLatencyMs: nth,
        lastAskedAt: expect.stringMatching(/\.\d{6}Z$/),
      });
    }
  });

  test('Tenant.stats and Tenant.usage cost one statement each', async () => {
    const query =
      'query ($n: Int) { tenants(first: $n, orderBy: {field: NAME}) { nodes { name stats ' +
      '{ users bots documents chunks activeApiKeys botQueries } usage { documentBytes ' +
      'botQueriesLast30Days } } } }';
    expect(await statementsForAnyNumber(query, { ask: statementsOfOperator })).toEqual([
      'tenants',
      'tenantStats',
      'tenantUsage',
    ]);
    const { tenants } = await gateway.operator.data(query, { n: BOTS });
    expect(tenants.nodes).toEqual([
      {
        name: 'Batching',
        stats: {
          users: BOTS,
          bots: BOTS + 1,
          documents: BOTS * DOCUMENTS,
          chunks: BOTS * DOCUMENTS * CHUNKS,
          activeApiKeys: BOTS + 1,
          botQueries: 2 * BOTS,
        },
        usage: {
          documentBytes: (DOCUMENTS * BOTS * (BOTS - 1)) / 2,
          botQueriesLast30Days: 2 * BOTS,
        },
      },
      ...[0, 1, 2, 3].map(nth => ({
        name: `Other ${nth}`,
        stats: { users: 1, bots: 2, documents: 1, chunks: 1, activeApiKeys: 1, botQueries: 1 },
        usage: { documentBytes: 100, botQueriesLast30Days: 1 },
      })),
    ]);
  });

  test('of a parent without anything are zero, not missing', async () => {
    const empty = await gateway.world.tenant();
    const bot = await empty.bot();
    const document = await bot.document({ size_bytes: 0 });
    const found = await gateway.operator.data(
      '{ nodes(ids: ["' +
        [empty.id, bot.id, document.id].join('", "') +
        ('"]) { ... on Tenant { usage { documentBytes botQueriesLast30Days } } ... on Bot ' +
          '{ stats { documents averageLatencyMs lastAskedAt } botQueries { totalCount } } ' +
          '... on Document { chunkCount progress { embeddedShare } chunks { totalCount ' +
          'nodes { id } } } } }'),
    );
    expect(found.nodes).toEqual([
      { usage: { documentBytes: 0, botQueriesLast30Days: 0 } },
      {
        stats: { documents: 1, averageLatencyMs: null, lastAskedAt: null },
        botQueries: { totalCount: 0 },
      },
      { chunkCount: 0, progress: { embeddedShare: null }, chunks: { totalCount: 0, nodes: [] } },
    ]);
  });
});

describe('lists below keys and bots', () => {
  test('ApiKey.botQueries and Bot.botQueries cost one statement each', async () => {
    expect(
      await statementsForAnyNumber(
        'query ($n: Int) { tenant { apiKeys(first: $n) { nodes { id botQueries { nodes { ' +
          'query } } } } } }',
      ),
    ).toEqual(['tenantsById', 'apiKeys', 'botQueriesOfApiKey']);
    expect(
      await statementsForAnyNumber(
        'query ($n: Int) { bots(first: $n) { nodes { id botQueries(orderBy: {field: ' +
          'LATENCY_MS}) { nodes { query } } } } }',
      ),
    ).toEqual(['bots', 'botQueriesOfBot']);
  });

  test('have the rows of their own parent', async () => {
    const { tenant: found } = await dataOf(
      '{ tenant { apiKeys(first: 100) { nodes { id botQueries(first: 100) { totalCount ' +
        'nodes { query apiKey { id } } } } } } }',
    );
    expect(found.apiKeys.nodes).toHaveLength(BOTS + 1);
    for (const { id, botQueries } of found.apiKeys.nodes) {
      expect(botQueries.totalCount).toBe(id === key.id ? BOTS : 0);
      expect(botQueries.nodes).toHaveLength(botQueries.totalCount);
      for (const query of botQueries.nodes) expect(query.apiKey.id).toBe(id);
    }
  });
});
