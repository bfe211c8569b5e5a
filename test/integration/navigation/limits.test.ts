import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let client: Client;

beforeAll(async () => {
  // So that what stands behind the limits on an operation's shape is reached.
  gateway = await startTestGateway({
    env: { WEAVER_MAX_DEPTH: '100', WEAVER_MAX_COST: '1000000000000' },
  });
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  for (let nth = 0; nth < 12; nth += 1) await (await tenant.bot()).document();
});
afterAll(() => gateway.close());

/** A cursor as the gateway would sign it, for a position of the attacker's own. */
function forged(order: string, position: string): string {
  const digest = createHash('sha256')
    .update(`weaver cursor 1\n${order}\n${position}`)
    .digest()
    .subarray(0, 8);
  return Buffer.concat([digest, Buffer.from(position)]).toString('base64url');
}

describe('a cursor with a position that somebody made up', () => {
  const order = 'documents: createdAt desc, id desc';
  const ID = '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10';
  const positions = [
    '["not-a-date","x"]',
    `["2026-02-30 00:00:00+00","${ID}"]`,
    `["2026-01-01 00:00:00+00","x"]`,
    `["2026-01-01 00:00:00+00"]`,
    `[null,"${ID}"]`,
    `[1,"${ID}"]`,
    'oops',
    'null',
    '[]',
    '{}',
    '[{"a":1}]',
    '["\\u0000","a"]',
  ];
  test.each(positions)('is refused: %s', async position => {
    const { status, errors } = await client.query(
      'query ($after: String) { documents(first: 2, after: $after) { nodes { id } } }',
      { after: forged(order, position) },
    );
    expect(status).toBeLessThan(500);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'after' } }]);
  });

  test('is taken where it could be that of a row', async () => {
    const after = forged(order, `["9999-01-01 00:00:00+00","${ID}"]`);
    const { documents } = await client.data(
      'query ($after: String) { documents(first: 100, after: $after) { nodes { id } } }',
      { after },
    );
    expect(documents.nodes).toHaveLength(12);
  });
});

describe('one operation', () => {
  test('reads only so many rows, however short it is', async () => {
    // 13 bots, with the one that the tenant was born with: 13 to the power of the levels.
    const levels = 4;
    const query =
      `{ tenant { ${'bots(first: 100) { nodes { id tenant { '.repeat(levels)} name ` +
      `${'} } }'.repeat(levels)} } }`;
    const { status, errors } = await client.query(query);
    expect(status).toBe(200);
    expect(errors?.[0]).toMatchObject({
      extensions: { code: 'QUERY_TOO_COMPLEX' },
      message: expect.stringContaining('25000 rows'),
    });
    expect((await client.data('{ bots { totalCount } }')).bots.totalCount).toBe(13);
  });

  test('nests only so deep', async () => {
    const query =
      `{ documents(filter: ${'{ not: '.repeat(110)}{ filename: { eq: "x" } ` +
      `}${' }'.repeat(110)}) { totalCount } }`;
    const { status, errors } = await client.query(query);
    expect(status).toBe(400);
    expect(errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringContaining('200 levels') },
    ]);
  });

  const times = (count: number, text: (nth: number) => string): string =>
    Array.from({ length: count }, (_, nth) => text(nth)).join(' ');

  test('asks for the schema twice at most', async () => {
    const schema = (count: number) =>
      `{ ${times(count, nth => `s${nth}: __schema { queryType { name } }`)} }`;
    expect((await gateway.client().query(schema(2))).errors).toBeUndefined();
    expect((await gateway.client().query(schema(3))).errors).toMatchObject([
      { extensions: { code: 'QUERY_TOO_COMPLEX' } },
    ]);
  });

  test('searches twenty times at most', async () => {
    const search = (nth: number) =>
      `s${nth}: searchChunks(input: { text: "tent ${nth}" }) { completeness { returned } }`;
    const searches = (count: number) => `{ ${times(count, search)} }`;
    expect((await client.query(searches(20))).errors).toBeUndefined();
    expect((await client.query(searches(21))).errors?.[0]).toMatchObject({
      extensions: { code: 'QUERY_TOO_COMPLEX', field: 'Query.searchChunks' },
    });
  });
});
