import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let client: Client;
let documentId: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key({ scopes: ['read', 'write', 'search'] })).secret);
  const document = await (await tenant.bot()).document();
  documentId = document.id;
  await document.texts(3);
});
afterAll(() => gateway?.close());

const CHUNKS = 'chunks(first: 3) { nodes { id neighbors(before: 11) { before { id } } } }';

describe('where a part of an operation fails', () => {
  test('a mutation has happened once, and its later fields are run', async () => {
    const { data, errors } = await client.query(
      'mutation { a: createBot(input: { name: "Once" }) { bot { documents(first: 101) { ' +
        'totalCount } } } b: createBot(input: { name: "Later" }) { bot { name } } }',
    );
    expect(data).toEqual({ a: null, b: { bot: { name: 'Later' } } });
    expect(errors).toMatchObject([
      { path: ['a', 'bot', 'documents'], extensions: { code: 'BAD_USER_INPUT', field: 'first' } },
    ]);
    const { bots } = await client.data(
      '{ bots(filter: { name: { in: ["Once", "Later"] } }) { totalCount } }',
    );
    expect(bots.totalCount).toBe(2);
  });

  test('each level is read in one statement still', async () => {
    const names = await gateway.statements(async () => {
      const { data, errors } = await client.query(
        `{ document(id: "${documentId}") { bot { name } ${CHUNKS} } bots { nodes { name } } }`,
      );
      expect(data).toEqual({ document: null, bots: { nodes: expect.any(Array) } });
      expect(errors).toHaveLength(1);
    });
    expect(names.toSorted()).toEqual(['bots', 'botsById', 'chunksOfDocument', 'docsById']);
  });

  test('a search is made once', async () => {
    const names = await gateway.statements(async () => {
      const { data, errors } = await client.query(
        '{ searchChunks(input: { text: "text", topK: 3 }) { hits { rank } } ' +
          'node(id: "no id") { id } }',
      );
      expect(data).toEqual({ searchChunks: { hits: expect.any(Array) }, node: null });
      expect(errors).toHaveLength(1);
    });
    expect(names.filter(name => name.startsWith('searchChunks'))).toHaveLength(1);
  });

  test('all else is answered, and each null has one error', async () => {
    const { data, errors } = await client.query(
      `query ($id: ID!) {
        found: document(id: $id) { filename } lost: document(id: $id) { ${CHUNKS} }
        one: documents(first: 1) { nodes { filename } } no: node(id: "not an id") { id } }`,
      { id: documentId },
    );
    expect(data).toMatchObject({
      found: { filename: expect.any(String) },
      lost: null,
      one: { nodes: [{ filename: expect.any(String) }] },
      no: null,
    });
    expect(errors?.map(({ path }) => path?.[0]).toSorted()).toEqual(['lost', 'no']);
  });
});
