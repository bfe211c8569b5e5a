import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

const MARK = '\uFEFF';

let world: WriteWorld;
let bot: string;
beforeAll(async () => {
  world = await startWriteWorld();
  bot = (await world.tenant.bot()).id;
});
afterAll(() => world.gateway.close());

describe('a byte order mark', () => {
  test('in front of a text is taken away before the text is stored', async () => {
    const m = (text: string): string => `${MARK}${text}`;
    const { done } = world;
    const operator = world.gateway.operator;
    expect(await done('createBot', { name: m('Guide') }, 'bot { name }')).toEqual({
      bot: { name: 'Guide' },
    });
    expect(
      await done('updateBot', { id: bot, name: `${MARK}${MARK}Other` }, 'bot { name }'),
    ).toEqual({ bot: { name: 'Other' } });
    expect(
      await done(
        'createTenant',
        { name: m('Tenant'), planTier: m('pro') },
        'tenant { name planTier }',
        operator,
      ),
    ).toEqual({ tenant: { name: 'Tenant', planTier: 'pro' } });
    expect(
      await done('createApiKey', { name: m('Key'), scopes: ['READ'] }, 'apiKey { name }'),
    ).toEqual({ apiKey: { name: 'Key' } });
    expect(
      await done(
        'createDocument',
        { filename: m('a.csv'), sourceUri: m('gs://a') },
        'document { filename sourceUri }',
      ),
    ).toEqual({ document: { filename: 'a.csv', sourceUri: 'gs://a' } });
    expect(
      await done(
        'recordBotQuery',
        { query: m('Where?'), answer: m('There.') },
        'botQuery { query answer }',
      ),
    ).toEqual({ botQuery: { query: 'Where?', answer: 'There.' } });
  });

  test('in front of a document or a chunk is not stored, counted or searched', async () => {
    const chunks = 'document { sizeBytes chunks { nodes { text } } }';
    const made = await world.done(
      'createDocument',
      { filename: 'a.txt', text: `${MARK}Tents.` },
      `document { id } ${chunks}`,
    );
    expect(made.document).toMatchObject({ sizeBytes: 6, chunks: { nodes: [{ text: 'Tents.' }] } });
    await world.done(
      'addChunks',
      { documentId: made.document.id, chunks: [{ text: `${MARK}Boots.` }] },
      chunks,
    );
    expect(
      await world.rows('select octet_length(text) as bytes from doc_chunks order by chunk_index'),
    ).toEqual([{ bytes: 6 }, { bytes: 6 }]);
  });

  test('inside of a text, or of JSON, stays where it is', async () => {
    const config = { [`${MARK}key`]: `${MARK}value` };
    expect(
      await world.done('createBot', { name: `a${MARK}b`, config }, 'bot { name config }'),
    ).toEqual({ bot: { name: `a${MARK}b`, config } });
  });

  test('alone is no text', async () => {
    await world.refused(
      'createBot',
      { name: MARK },
      { code: 'BAD_USER_INPUT', field: 'input.name' },
    );
    await world.refused(
      'createUser',
      { email: `${MARK}ada@example.com` },
      { code: 'BAD_USER_INPUT', field: 'input.email' },
    );
  });
});
