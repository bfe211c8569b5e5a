import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let client: Client;
let botId: string;
let cursor: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  const bot = await tenant.bot();
  for (let nth = 0; nth < 3; nth += 1) await bot.document();
  await bot.query();
  botId = bot.id;
  cursor = (await client.data('{ documents(first: 1) { pageInfo { endCursor } } }')).documents
    .pageInfo.endCursor;
});
afterAll(() => gateway.close());

const after = (value: string | null, args = '') =>
  client.query(`query ($cursor: String) { documents(after: $cursor${args}) { nodes { id } } }`, {
    cursor: value,
  });

function expectRefusal(answer: Answer, field: 'after' | 'before'): void {
  expect(answer.status).toBeLessThan(500);
  expect(answer.errors).toMatchObject([
    {
      extensions: { code: 'BAD_USER_INPUT', field },
      message: expect.stringContaining('is not a cursor of this list in this order'),
    },
  ]);
}

describe('a cursor', () => {
  test('is refused with any byte of it flipped', async () => {
    const bytes = Buffer.from(cursor, 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const flipped = Buffer.from(bytes);
      flipped[index]! ^= 0x20;
      expectRefusal(await after(flipped.toString('base64url')), 'after');
    }
  });

  test('is refused when cut, padded, doubled, empty or made up', async () => {
    const broken = [
      cursor.slice(0, -1),
      cursor.slice(1),
      cursor.slice(0, 8),
      `${cursor}=`,
      cursor + cursor,
      '',
      ' ',
      'null',
      'abc',
      '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10',
      '😀',
    ];
    for (const value of broken) expectRefusal(await after(value), 'after');
  });

  test('is refused at once when it is huge', async () => {
    const start = performance.now();
    expectRefusal(await after('A'.repeat(900_000)), 'after');
    expectRefusal(await after(cursor.repeat(9_000)), 'after');
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  test('is refused in another order, in the other direction, and with steps added', async () => {
    for (const order of [
      '{field: CREATED_AT, direction: ASC}',
      '{field: UPDATED_AT, direction: DESC}',
      '[{field: CREATED_AT, direction: DESC}, {field: FILENAME}]',
    ]) {
      expectRefusal(await after(cursor, `, orderBy: ${order}`), 'after');
    }
  });

  test('is taken in the same order spelled out, and as before', async () => {
    const spelled = await after(cursor, ', orderBy: {field: CREATED_AT, direction: DESC}');
    expect(spelled.data.documents.nodes).toHaveLength(2);
    const { documents } = await client.data(
      'query ($cursor: String) { documents(before: $cursor) { nodes { id } } }',
      { cursor },
    );
    expect(documents.nodes).toEqual([]);
  });

  test('is refused by every other list', async () => {
    const others = {
      bots: 'bots(after: $cursor, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { id } }',
      botQueries: 'botQueries(before: $cursor) { nodes { id } }',
      users: 'tenant { users(after: $cursor) { nodes { id } } }',
      apiKeys: 'tenant { apiKeys(after: $cursor) { nodes { id } } }',
      documentsOfBot: `bot(id: "${botId}") { documents(after: $cursor) { nodes { id } } }`,
      chunks:
        'documents(first: 1) { nodes { chunks(after: $cursor, orderBy: {field: ' +
        'CREATED_AT, direction: DESC}) { nodes { id } } } }',
    };
    for (const [name, field] of Object.entries(others)) {
      expectRefusal(
        await client.query(`query ($cursor: String) { ${field} }`, { cursor }),
        name === 'botQueries' ? 'before' : 'after',
      );
    }
  });

  test('is good for another parent of the same kind, not for another kind of parent', async () => {
    const { bots } = await client.data(
      '{ bots { nodes { id botQueries { pageInfo { endCursor } } } } }',
    );
    const query = bots.nodes.find((bot: { id: string }) => bot.id === botId).botQueries.pageInfo
      .endCursor;
    expectRefusal(
      await client.query(
        'query ($cursor: String) { botQueries(after: $cursor) { nodes { id } } }',
        { cursor: query },
      ),
      'after',
    );
    const other = bots.nodes.find((bot: { id: string }) => bot.id !== botId);
    // A cursor is a place in an order, so it means the same in each bot's list.
    const taken = await client.query(
      'query ($id: ID!, $cursor: String) { bot(id: $id) { botQueries(after: $cursor) { ' +
        'nodes { id } } } }',
      { id: other.id, cursor: query },
    );
    expect(taken.errors).toBeUndefined();
  });

  test('of another tenant opens nothing of theirs', async () => {
    const stranger = await gateway.world.tenant();
    const { data } = await gateway
      .client((await stranger.key()).secret)
      .query(
        'query ($cursor: String) { documents(before: $cursor) { totalCount nodes { id } ' +
          '} later: documents(after: $cursor) { nodes { id } } }',
        { cursor },
      );
    expect(data).toEqual({ documents: { totalCount: 0, nodes: [] }, later: { nodes: [] } });
  });
});

describe('the size of a page', () => {
  test.each([
    ['first', -1],
    ['first', 101],
    ['last', -1],
    ['last', 101],
    ['first', 2 ** 31 - 1],
    ['last', -(2 ** 31)],
  ] as const)('is refused with %s: %i, and the limit named', async (field, size) => {
    const lists = ['documents', 'bots', 'botQueries'];
    for (const list of lists) {
      const { status, errors } = await client.query(
        `query ($size: Int) { ${list}(${field}: $size) { totalCount } }`,
        { size },
      );
      expect(status).toBeLessThan(500);
      expect(errors).toMatchObject([
        {
          message: `${field} must be from 0 to 100; it is ${size}.`,
          extensions: { code: 'BAD_USER_INPUT', field },
        },
      ]);
    }
  });

  test('is refused below any number of parents with one error', async () => {
    const { errors } = await client.query(
      '{ bots { nodes { documents(first: -1) { nodes { id } } } } }',
    );
    expect(errors).toMatchObject([
      {
        path: ['bots', 'nodes', 0, 'documents'],
        extensions: { code: 'BAD_USER_INPUT', field: 'first' },
      },
    ]);
  });

  test('is refused with first and last together', async () => {
    const { errors } = await client.query('{ documents(first: 1, last: 1) { nodes { id } } }');
    expect(errors).toMatchObject([
      {
        message: 'Set either first or last, not both.',
        extensions: { code: 'BAD_USER_INPUT', field: 'last' },
      },
    ]);
  });

  test('is 100 at most, and then has 100 rows', async () => {
    const bot = await (await gateway.world.tenant()).bot();
    const document = await bot.document();
    await document.texts(101);
    const { document: found } = await gateway.operator.data(
      'query ($id: ID!) { document(id: $id) { chunks(first: 100) { nodes { chunkIndex } ' +
        'pageInfo { hasNextPage } } last: chunks(last: 100) { nodes { chunkIndex } } } }',
      { id: document.id },
    );
    expect(found.chunks.nodes.map((node: { chunkIndex: number }) => node.chunkIndex)).toEqual(
      Array.from({ length: 100 }, (_, index) => index),
    );
    expect(found.chunks.pageInfo.hasNextPage).toBe(true);
    expect(found.last.nodes.map((node: { chunkIndex: number }) => node.chunkIndex)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });
});
