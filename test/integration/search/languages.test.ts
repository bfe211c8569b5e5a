// cspell:disable -- words of many languages
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const CREATE_BOT = `mutation ($input: CreateBotInput!) {
  createBot(input: $input) { bot { id language } }
}`;
const UPDATE_BOT = `mutation ($input: UpdateBotInput!) {
  updateBot(input: $input) { bot { id language } }
}`;
const CREATE_DOCUMENT = `mutation ($input: CreateDocumentInput!) {
  createDocument(input: $input) { document { id language } }
}`;
const UPDATE_DOCUMENT = `mutation ($input: UpdateDocumentInput!) {
  updateDocument(input: $input) { document { id language } }
}`;

let gateway: TestGateway;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

async function newTenant(): Promise<void> {
  const tenant = await gateway.world.tenant();
  client = gateway.client(
    (await tenant.key({ scopes: ['read', 'write', 'search', 'admin'] })).secret,
  );
}

async function bot(language?: string): Promise<string> {
  const { createBot } = await client.data(CREATE_BOT, { input: { name: 'Bot', language } });
  expect(createBot.bot.language).toBe(language ?? null);
  return createBot.bot.id;
}

async function document(botId: string, text: string, language?: string): Promise<string> {
  const { createDocument } = await client.data(CREATE_DOCUMENT, {
    input: { botId, filename: 'a.txt', text, language },
  });
  return createDocument.document.id;
}

async function found(text: string): Promise<string[]> {
  const { searchChunks } = await client.data(
    `query ($text: String!) {
      searchChunks(input: { text: $text, mode: KEYWORD }) { hits { chunk { text } } }
    }`,
    { text },
  );
  return searchChunks.hits.map((hit: any) => hit.chunk.text);
}

describe('language', () => {
  test.each([
    ['de', 'Rückgaben', 'Rückgabe'],
    ['fr', 'retournées', 'retourner'],
    ['es', 'reembolsados', 'reembolsar'],
    ['pt', 'devoluções', 'devolução'],
    ['it', 'restituzioni', 'restituzione'],
    ['nl', 'terugbetalingen', 'terugbetaling'],
    ['ru', 'возвраты', 'возвратов'],
    ['tr', 'iadeler', 'iade'],
    ['ar', 'الكتاب', 'كتاب'],
  ])('%s: %s is found by %s, which it is not in English', async (language, text, question) => {
    await newTenant();
    const english = await bot();
    await document(english, text);
    expect(await found(question)).toEqual([]);
    await document(english, text, language);
    expect(await found(question)).toEqual([text]);
  });

  test('of a bot is that of its documents that have none', async () => {
    await newTenant();
    const german = await bot('de');
    await document(german, 'Rückgaben');
    await document(german, 'refunded', 'en');
    expect(await found('Rückgabe')).toEqual(['Rückgaben']);
    expect(await found('refunds')).toEqual(['refunded']);
  });

  test('can be changed, and the words of what is stored are read anew', async () => {
    await newTenant();
    const id = await bot();
    const documentId = await document(id, 'Rückgaben');
    expect(await found('Rückgabe')).toEqual([]);
    await client.data(UPDATE_BOT, { input: { id, language: 'de' } });
    expect(await found('Rückgabe')).toEqual(['Rückgaben']);
    await client.data(UPDATE_DOCUMENT, { input: { id: documentId, language: 'fr' } });
    expect(await found('Rückgabe')).toEqual([]);
    await client.data(UPDATE_DOCUMENT, { input: { id: documentId, language: null } });
    expect(await found('Rückgabe')).toEqual(['Rückgaben']);
  });

  test('one without a stemmer leaves words as they are written', async () => {
    await newTenant();
    await document(await bot('pl'), 'refunds');
    expect(await found('refunds')).toEqual(['refunds']);
    expect(await found('refund')).toEqual([]);
  });

  test.each(['', 'd', 'DE', 'deu', 'de-DE', 'xx', 'd\u0065\u0301'])(
    '%j is refused',
    async language => {
      await newTenant();
      for (const [query, input] of [
        [CREATE_BOT, { name: 'Bot', language }],
        [CREATE_DOCUMENT, { filename: 'a.txt', text: 'a', language }],
      ] as const) {
        const { errors } = await client.query(query, { input });
        expect(errors![0]).toMatchObject({
          message:
            'input.language must be the code of a language in two small letters (ISO 639-1), ' +
            'such as en or de.',
          extensions: { code: 'BAD_USER_INPUT', field: 'input.language' },
        });
      }
    },
  );
});
