import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const DOCUMENTS = 12;
const CHUNKS = 100;

let gateway: TestGateway;
let client: Client;
let documentId: string;
let botId: string;

beforeAll(async () => {
  gateway = await startTestGateway({ env: { WEAVER_MAX_COST: '100000000' } });
  const tenant = await gateway.world.tenant();
  const key = await tenant.key({ scopes: ['read', 'write', 'search'] });
  client = gateway.client(key.secret);
  const bot = await tenant.bot();
  botId = bot.id;
  for (let nth = 0; nth < 100; nth += 1) await bot.query({ api_key_id: key.id });
  for (let nth = 0; nth < DOCUMENTS; nth += 1) {
    const document = await bot.document();
    documentId = document.id;
    await document.chunks(
      Array.from({ length: CHUNKS }, (_, chunkIndex) => ({
        text: `chunk ${chunkIndex}`,
        chunkIndex,
        embedding: null,
      })),
    );
  }
});
afterAll(() => gateway?.close());

const times = (count: number, text: (nth: number) => string): string =>
  Array.from({ length: count }, (_, nth) => text(nth)).join(' ');
const chunks = (fields: string, documents = DOCUMENTS): string =>
  `documents(first: ${documents}) { nodes { chunks(first: 100) { nodes { ${fields} } } } }`;

/**
 * An answer, and how many turns the event loop of the gateway, which is this process, took
 * meanwhile.
 */
async function turnsOf(work: () => Promise<Answer>): Promise<{ answer: Answer; turns: number }> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const answer = await work();
  isOver = true;
  return { answer, turns };
}

describe('while a large answer is made, others are served', () => {
  // 1,200 chunks with 190 values each take far longer than some slices; reading them takes some
  // turns of its own.
  const MANY = times(190, nth => `a${nth}: createdAt`);
  test.each([
    ['of a query', () => `{ ${chunks(MANY)} }`],
    [
      'of an interface',
      () => `{ node(id: "${documentId}") { ... on Document { bot { ${chunks(MANY)} } } } }`,
    ],
    [
      'of a mutation',
      () =>
        `mutation { updateDocument(input: { id: "${documentId}" }) { document { bot { ` +
        `${chunks(MANY)} } } } }`,
    ],
  ])('%s', async (_, query) => {
    const { turns: usual } = await turnsOf(() => client.query(query().replace(MANY, 'createdAt')));
    const { answer, turns } = await turnsOf(() => client.query(query()));
    expect(answer.errors).toBeUndefined();
    expect(turns - usual).toBeGreaterThan(20);
  });
});

test('a level is read in one statement, however many pauses come in the middle of it', async () => {
  const names = await gateway.statements(async () => {
    const fields = times(20, nth => `a${nth}: neighbors(before: 0, after: 0) { before { id } }`);
    expect((await client.query(`{ ${chunks(fields, 1)} }`)).errors).toBeUndefined();
  });
  expect(names).toEqual(['documents', 'chunksOfDocument', 'chunkWindows']);
});

describe('errors of an answer', () => {
  /** Fails at each of a tenant's hundred queries, once for each alias. */
  const failing = (aliases: number): string =>
    times(
      aliases,
      nth =>
        `a${nth}: botQueries(first: 100) { nodes { apiKey { botQueries(first: 101) { ` +
        'totalCount } } } }',
    );

  test('are all told where there are a thousand', async () => {
    const { status, errors } = await client.query(`{ ${failing(10)} }`);
    expect([status, errors?.length]).toEqual([200, 1_000]);
  });

  test.each([
    ['of a query', () => `{ ${failing(11)} }`],
    ['of an interface', () => `{ node(id: "${botId}") { ... on Bot { ${failing(11)} } } }`],
    [
      'of a mutation',
      () =>
        `mutation { updateDocument(input: { id: "${documentId}", filename: "renamed.md" ` +
        `}) { document { bot { ${failing(11)} } } } }`,
    ],
  ])(
    'are one in place of more than a thousand, without data, with the reason of the first: %s',
    async (_, query) => {
      const { status, data, errors } = await client.query(query());
      expect([status, data]).toEqual([400, undefined]);
      expect(errors).toEqual([
        {
          message:
            'More than 1000 fields of the operation failed, the first with: first must ' +
            'be from 0 to 100; it is 101.',
          extensions: { code: 'QUERY_TOO_COMPLEX', requestId: expect.any(String) },
        },
      ]);
    },
  );

  test('are one where one makes a null of all that the others are in', async () => {
    const { status, data, errors } = await client.query(
      `{ ${chunks('neighbors(before: 11) { before { id } }')} }`,
    );
    expect([status, data, errors?.length]).toEqual([200, null, 1]);
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'before' });
  });

  test('are one of each null that has all that the others are in', async () => {
    const { status, data, errors } = await client.query(
      `{ tenant { ${chunks('neighbors(before: 11) { before { id } }')} } viewer { kind } }`,
    );
    expect([status, data]).toEqual([200, { tenant: null, viewer: { kind: 'API_KEY' } }]);
    expect(errors).toMatchObject([
      { path: expect.arrayContaining(['tenant', 'neighbors']), extensions: { field: 'before' } },
    ]);
  });

  test('a mutation whose answer has too many has happened', async () => {
    const { document } = await client.data('query ($id: ID!) { document(id: $id) { filename } }', {
      id: documentId,
    });
    expect(document.filename).toBe('renamed.md');
  });
});

describe('what an operation costs', () => {
  let costly: TestGateway;
  let costlyClient: Client;
  beforeAll(async () => {
    costly = await startTestGateway({ env: { WEAVER_MAX_COST: '5000' } });
    costlyClient = costly.client(
      (await (await costly.world.tenant()).key({ scopes: ['read', 'search'] })).secret,
    );
  });
  afterAll(() => costly?.close());

  test.each([
    ['of lists of nothing', 'similar(first: 0) { similarity }'],
    ['whose arguments are refused', 'neighbors(before: 99999) { before { id } }'],
    ['of single objects', 'bot { id }'],
  ])('is ten rows at least for each further alias %s, for all parents', async (_, field) => {
    const query = `{ ${chunks(
      times(10, nth => `a${nth}: ${field}`),
      1,
    )} }`;
    const { status, data, errors } = await costlyClient.query(query);
    expect([status, data]).toEqual([400, undefined]);
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/could read \d+ rows.*limit is 5000/),
        extensions: { code: 'QUERY_TOO_COMPLEX' },
      },
    ]);
  });
});
