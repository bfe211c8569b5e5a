import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { DocumentWorld, TenantWorld } from '../../support/world.js';

const DOCUMENTS = 20;
let gateway: TestGateway;
let tenant: TenantWorld;
let stranger: TenantWorld;
let key: string;
const documents: DocumentWorld[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  stranger = await gateway.world.tenant();
  key = (await tenant.key()).secret;
  const bot = await tenant.bot();
  for (let nth = 0; nth < DOCUMENTS; nth += 1) {
    const document = await bot.document({
      filename: `${nth}.md`,
      metadata: JSON.stringify({ nth, even: nth % 2 === 0 }),
    });
    documents.push(document);
    const text = `Text ${nth} 𝒳 of the document`;
    await document.text({
      text,
      chunks: [{ text, chunkIndex: 0, textStart: 0, textEnd: [...text].length, embedding: null }],
    });
    for (const [age, state] of ['completed', 'failed'].entries())
      await document.ingestion({
        filename: `${nth}-${state}.md`,
        state,
        created_at: `2026-01-0${age + 1}T00:00:00Z`,
        ...(state === 'failed' && {
          error_code: 'ENCRYPTED',
          error_message: 'The file is encrypted.',
          error_retryable: false,
        }),
      });
  }
  await documents[0]!.ingestion({ state: 'queued', created_at: '2026-01-03T00:00:00Z' });
  await documents[1]!.ingestion({
    state: 'running',
    lease_until: '2100-01-01',
    created_at: '2026-01-03T00:00:00Z',
  });
  await (await (await stranger.bot()).document()).ingestion({ filename: 'secret.md' });
});
afterAll(() => gateway.close());

const ask = (query: string, variables?: Record<string, unknown>): Promise<any> =>
  gateway.client(key).data(query, variables);

/** The statements of a query over `$n` documents, which must be the same for two and twenty. */
async function statementsOf(query: string): Promise<string[]> {
  const [few, many] = [
    await gateway.statements(() => ask(query, { n: 2 })),
    await gateway.statements(() => ask(query, { n: DOCUMENTS })),
  ];
  expect(many).toEqual(few);
  return few;
}

describe('Document.ingestion and ingestions', () => {
  test('cost one statement each for all documents of a level', async () => {
    expect(
      await statementsOf(`query ($n: Int!) { documents(first: $n) { nodes {
        ingestion { state error { code } } ingestions(first: 1) { nodes { filename } } } } }`),
    ).toEqual(['documents', 'newestIngestions', 'ingestionsOfDocument']);
  });

  test('give the newest, and all in pages', async () => {
    const query = `query ($id: ID!, $after: String) { document(id: $id) {
      ingestion { state filename error { code message retryable } }
      ingestions(first: 1, after: $after) {
        totalCount nodes { state } pageInfo { hasNextPage endCursor } } } }`;
    const { id } = documents[2]!;
    const { document } = await ask(query, { id });
    expect(document).toMatchObject({
      ingestion: {
        state: 'FAILED',
        filename: '2-failed.md',
        error: { code: 'ENCRYPTED', message: 'The file is encrypted.', retryable: false },
      },
      ingestions: { totalCount: 2, nodes: [{ state: 'FAILED' }], pageInfo: { hasNextPage: true } },
    });
    const { endCursor: after } = document.ingestions.pageInfo;
    expect((await ask(query, { id, after })).document.ingestions).toMatchObject({
      nodes: [{ state: 'COMPLETED' }],
      pageInfo: { hasNextPage: false },
    });
  });

  test('are null and empty where no file was ever ingested', async () => {
    const { id } = await documents[0]!.bot.document();
    expect(
      await ask(
        'query ($id: ID!) { document(id: $id) { ingestion { id } ingestions { nodes { id } } } }',
        {
          id,
        },
      ),
    ).toEqual({ document: { ingestion: null, ingestions: { nodes: [] } } });
  });
});

describe('Tenant.ingestions', () => {
  test('filters by state, and shows nothing of another tenant', async () => {
    const query = `query ($id: ID!, $state: IngestionState!) { tenant(id: $id) {
      ingestions(filter: { state: { eq: $state } }) { totalCount } } }`;
    expect(await ask(query, { id: tenant.id, state: 'FAILED' })).toEqual({
      tenant: { ingestions: { totalCount: DOCUMENTS } },
    });
    expect(await ask(query, { id: stranger.id, state: 'FAILED' })).toEqual({ tenant: null });
  });
});

test('Tenant.stats.backlog counts what waits, runs and was given up', async () => {
  const { tenant: shown } = await ask(
    `query ($id: ID!) { tenant(id: $id) { stats {
      backlog { queued running failed oldestSeconds } } } }`,
    { id: tenant.id },
  );
  expect(shown.stats.backlog).toMatchObject({ queued: 1, running: 1, failed: DOCUMENTS - 2 });
  expect(shown.stats.backlog.oldestSeconds).toBeGreaterThan(86_400);
});

describe('Document.revision and text', () => {
  test('cost one statement each for all documents of a level', async () => {
    expect(
      await statementsOf(`query ($n: Int!) { documents(first: $n) { nodes {
        revision a: text(start: 0, end: 4) b: text(start: 5) } } }`),
    ).toEqual(['documents', 'documentRevisions', 'documentTexts']);
  });

  test('count characters as chunks do', async () => {
    expect(
      await ask(
        `query ($id: ID!) { document(id: $id) { revision
           all: text start: text(end: 6) sign: text(start: 7, end: 8) rest: text(start: 9)
           nothing: text(start: 1000) } }`,
        { id: documents[3]!.id },
      ),
    ).toEqual({
      document: {
        revision: 1,
        all: 'Text 3 𝒳 of the document',
        start: 'Text 3',
        sign: '𝒳',
        rest: 'of the document',
        nothing: '',
      },
    });
  });

  test('are null where Weaver has no text', async () => {
    const { id } = await documents[0]!.bot.document();
    expect(await ask('query ($id: ID!) { document(id: $id) { revision text } }', { id })).toEqual({
      document: { revision: null, text: null },
    });
  });

  test.each([
    ['start: -1', 'start'],
    ['start: 5, end: 4', 'end'],
    ['start: 0, end: 100001', 'end'],
  ])('refuse text(%s)', async (args, field) => {
    const { errors } = await gateway
      .client(key)
      .query(`query ($id: ID!) { document(id: $id) { text(${args}) } }`, { id: documents[0]!.id });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field } }]);
  });
});

test('documents can be filtered by their metadata', async () => {
  expect(
    await ask('{ documents(filter: { metadata: { contains: { even: true } } }) { totalCount } }'),
  ).toEqual({ documents: { totalCount: DOCUMENTS / 2 } });
});

test('an unknown ingestion and one of another tenant are both null', async () => {
  const [theirs] = await gateway.db.asSuperuser<{ id: string }>(
    'select id from ingestions where tenant_id = ?',
    [stranger.id],
  );
  for (const id of [theirs!.id, v4()])
    expect(await ask('query ($id: ID!) { ingestion(id: $id) { id } }', { id })).toEqual({
      ingestion: null,
    });
});
