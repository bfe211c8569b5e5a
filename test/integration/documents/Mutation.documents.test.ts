import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answers,
  fails,
  serviceConfig,
  startOpenAiServer,
  type Behaviour,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { expectForeignIdsRefused, startWriteWorld, type WriteWorld } from '../../support/writes.js';

const TEXT =
  `# Tents\n\n${'The tent keeps the rain out. '.repeat(60)}\n\n# ` +
  `Boots\n\n${'Boots want wax once a month. '.repeat(60)}`;

let world: WriteWorld;
let embedder: OpenAiServer;

beforeAll(async () => {
  embedder = await startOpenAiServer();
  world = await startWriteWorld({
    embedder: serviceConfig(embedder, { timeoutMs: 2_000 }),
  });
});
afterAll(async () => {
  await world.gateway.close();
  await embedder.close();
});

const storage = async (id = world.tenant.id): Promise<number> =>
  (
    await world.gateway.operator.data('query ($id: ID!) { tenant(id: $id) { storageUsedBytes } }', {
      id,
    })
  ).tenant.storageUsedBytes;
const ALL =
  'document { id filename sourceUri sizeBytes status errorMessage chunkCount progress { ' +
  'embeddedShare } bot { id name } tenant { id } createdAt updatedAt }';

describe('createDocument', () => {
  test('with a text is split, embedded and stored at once, and can be searched', async () => {
    const bot = await world.tenant.bot({ name: 'Guide' });
    const before = await storage();
    const text = `${TEXT}\n\nÖlzeug für Regen: ☔`;
    const { document } = await world.done(
      'createDocument',
      { botId: bot.id, filename: 'tents.md', text, metadata: { kind: 'guide' } },
      `${ALL} `,
    );
    expect(document).toMatchObject({
      filename: 'tents.md',
      sourceUri: null,
      sizeBytes: Buffer.byteLength(text),
      status: 'COMPLETED',
      errorMessage: null,
      progress: { embeddedShare: 1 },
      bot: { id: bot.id },
      tenant: { id: world.tenant.id },
    });
    expect(document.chunkCount).toBeGreaterThan(3);
    expect(await storage()).toBe(before + Buffer.byteLength(text));
    const { hits } = (
      await world.writer.data(
        'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { chunk ' +
          '{ text document { id } metadata } } } }',
        { input: { text: 'boots wax', botId: bot.id, metadata: { kind: 'guide' } } },
      )
    ).searchChunks;
    expect(hits[0].chunk).toMatchObject({
      document: { id: document.id },
      metadata: { kind: 'guide' },
    });
  });

  test('for a file elsewhere waits for its chunks', async () => {
    const input = {
      filename: 'manual.pdf',
      sourceUri: 'gs://bucket/manual.pdf',
      sizeBytes: '1099511627776',
    };
    const { document } = await world.done('createDocument', input, ALL);
    expect(document).toMatchObject({
      ...input,
      sizeBytes: 2 ** 40,
      status: 'PENDING',
      chunkCount: 0,
    });
    expect(
      (
        await world.done(
          'createDocument',
          { filename: 'a', sourceUri: 'b', status: 'PROCESSING' },
          ALL,
        )
      ).document,
    ).toMatchObject({ sizeBytes: 0, status: 'PROCESSING' });
  });

  test("without a bot goes to the tenant's oldest, also an operator's", async () => {
    const tenant = await world.gateway.world.tenant();
    await tenant.bot({ name: 'Oldest', created_at: '2020-01-01' });
    for (const source of [{ text: 'Hello' }, { sourceUri: 'gs://x' }]) {
      expect(
        (
          await world.done(
            'createDocument',
            { tenantId: tenant.id, filename: 'f', ...source },
            ALL,
            world.gateway.operator,
          )
        ).document,
      ).toMatchObject({ bot: { name: 'Oldest' }, tenant: { id: tenant.id } });
      await world.refused(
        'createDocument',
        { tenantId: v4(), filename: 'f', ...source },
        { code: 'NOT_FOUND', field: 'input.tenantId' },
        world.gateway.operator,
      );
      await world.refused(
        'createDocument',
        { filename: 'f', ...source },
        { code: 'BAD_USER_INPUT', field: 'input.tenantId' },
        world.gateway.operator,
      );
    }
  });

  test.each([
    [{}, 'text'],
    [{ text: 'a', sourceUri: 'b' }, 'sourceUri'],
    [{ text: 'a', sizeBytes: 1 }, 'sizeBytes'],
    [{ text: 'a', status: 'PENDING' }, 'status'],
    [{ text: ' ' }, 'text'],
    [{ text: 'é'.repeat(500_001) }, 'text'],
    [{ text: 'a', metadata: { p: 'x'.repeat(65_536) } }, 'metadata'],
    [{ sourceUri: 'a', metadata: {} }, 'metadata'],
    [{ sourceUri: '' }, 'sourceUri'],
    [{ sourceUri: 'u'.repeat(1_001) }, 'sourceUri'],
    [{ sourceUri: 'a', sizeBytes: -1 }, 'sizeBytes'],
    [{ sourceUri: 'a', sizeBytes: '9223372036854775807' }, 'sizeBytes'],
    [{ sourceUri: 'a', filename: 'f'.repeat(501) }, 'filename'],
    [{ sourceUri: 'a', filename: '' }, 'filename'],
  ])('refuses %#', async (input, field) => {
    embedder.requests.length = 0;
    const { text, ...rest } = input as { text?: string };
    // The body's own limit is met first where the whole text would be sent.
    await world.refused(
      'createDocument',
      { filename: 'f', ...rest, ...(text !== undefined && { text }) },
      { code: 'BAD_USER_INPUT', field: `input.${field}` },
    );
    expect(embedder.requests).toEqual([]);
  });

  test("under another tenant's bot or none is refused alike, and costs no embedding", async () => {
    const { id } = await world.otherTenant.bot();
    embedder.requests.length = 0;
    await expectForeignIdsRefused(
      world,
      'createDocument',
      id,
      botId => ({ filename: 'f', text: 'Hello', botId }),
      'input.botId',
    );
    expect(embedder.requests).toEqual([]);
    for (const botId of [id, v4()])
      await world.refused(
        'createDocument',
        { filename: 'f', sourceUri: 'x', botId },
        {
          code: 'NOT_FOUND',
          field: 'input.botId',
          message: 'The bot that the input names was not found.',
        },
      );
  });

  test('changes nothing where the embedding service fails', async () => {
    embedder.next(...Array.from({ length: 3 }, () => fails(500)));
    await world.refused(
      'createDocument',
      { filename: 'f', text: 'Hello' },
      { code: 'UNAVAILABLE' },
    );
  });

  test('names the text that the embedding service cannot embed, and stores nothing', async () => {
    const refuses: Behaviour = (request, response, options) =>
      (request.body.input.some(text => text.includes('Boots')) ? fails(500) : answers())(
        request,
        response,
        options,
      );
    embedder.always(refuses);
    try {
      const chunks = ['Tents.', 'Stoves.', 'Boots\u2028 and wax.', 'Ropes.'];
      const { id } = await (await world.tenant.bot()).document();
      const input = {
        documentId: id,
        chunks: chunks.map((text, chunkIndex) => ({
          text,
          chunkIndex,
          ...(chunkIndex === 1 && { embedding: Array.from({ length: 64 }, () => 1) }),
        })),
      };
      const message =
        'The embedding service cannot embed the text at index 2, which reads "Boots and wax.". ' +
        'It embeds the others: change this one or leave it out.';
      await world.refused('addChunks', input, { code: 'UNAVAILABLE', message });
      await world.refused(
        'createDocument',
        { filename: 'f', text: TEXT },
        { code: 'UNAVAILABLE', message: expect.stringContaining('begins with "# Boots') },
      );
    } finally {
      embedder.always(answers());
    }
  });

  test('under one key at once is stored once, and a repetition embeds nothing', async () => {
    const input = { filename: 'once.md', text: 'Only once.', idempotencyKey: v4() };
    const made = await Promise.all(
      [1, 2, 3].map(() =>
        world.done('createDocument', input, 'document { id chunks { totalCount } }'),
      ),
    );
    expect(new Set(made.map(({ document }) => document.id)).size).toBe(1);
    expect(made[0].document.chunks.totalCount).toBe(1);
    embedder.requests.length = 0;
    expect(
      await world.done('createDocument', input, 'document { id chunks { totalCount } }'),
    ).toEqual(made[0]);
    expect(embedder.requests).toEqual([]);
    await world.refused(
      'createDocument',
      { ...input, text: 'Other' },
      { code: 'CONFLICT', field: 'input.idempotencyKey' },
    );
  });
});

describe('updateDocument', () => {
  test('changes what is named; null takes away only what may be missing', async () => {
    const document = await (
      await world.tenant.bot()
    ).document({
      filename: 'old.md',
      gcs_path: 'gs://old',
      error_message: 'Broken',
      status: 'failed',
    });
    const { id } = document;
    const was = {
      id,
      filename: 'old.md',
      sourceUri: 'gs://old',
      sizeBytes: 100,
      status: 'FAILED',
      errorMessage: 'Broken',
    };
    expect(
      (await world.done('updateDocument', { id, filename: 'new.md' }, ALL)).document,
    ).toMatchObject({ ...was, filename: 'new.md' });
    expect(
      (
        await world.done(
          'updateDocument',
          { id, status: 'COMPLETED', errorMessage: null, sizeBytes: 7 },
          ALL,
        )
      ).document,
    ).toMatchObject({
      ...was,
      filename: 'new.md',
      status: 'COMPLETED',
      errorMessage: null,
      sizeBytes: 7,
    });
    for (const field of ['filename', 'botId', 'status', 'sizeBytes'])
      await world.refused(
        'updateDocument',
        { id, [field]: null },
        { code: 'BAD_USER_INPUT', field: `input.${field}` },
      );
    await world.refused(
      'updateDocument',
      { id, sourceUri: null, sizeBytes: 1 },
      { code: 'BAD_USER_INPUT', field: 'input.sizeBytes' },
    );
    expect(
      (await world.done('updateDocument', { id, sourceUri: null }, ALL)).document,
    ).toMatchObject({ sourceUri: null, sizeBytes: 7 });
    await world.refused(
      'updateDocument',
      { id, sizeBytes: 1 },
      { code: 'BAD_USER_INPUT', field: 'input.sizeBytes' },
    );
    await world.refused(
      'updateDocument',
      { id, errorMessage: 'x'.repeat(10_001) },
      { code: 'BAD_USER_INPUT', field: 'input.errorMessage' },
    );
  });

  test('moves a document with its chunks to another bot of the tenant', async () => {
    const [from, to] = [await world.tenant.bot(), await world.tenant.bot()];
    const document = await from.document();
    await document.texts(3);
    const moved = await world.done(
      'updateDocument',
      { id: document.id, botId: to.id },
      'document { bot { id } chunks { nodes { bot { id } } } }',
    );
    expect(moved.document).toEqual({
      bot: { id: to.id },
      chunks: { nodes: Array.from({ length: 3 }, () => ({ bot: { id: to.id } })) },
    });
    const foreign = (await world.otherTenant.bot()).id;
    await expectForeignIdsRefused(
      world,
      'updateDocument',
      foreign,
      botId => ({ id: document.id, botId }),
      'input.botId',
    );
    await world.refused(
      'updateDocument',
      { id: document.id, botId: foreign },
      { code: 'NOT_FOUND', field: 'input.botId' },
      world.gateway.operator,
    );
  });

  test("does not know another tenant's document", async () => {
    await expectForeignIdsRefused(
      world,
      'updateDocument',
      (await (await world.otherTenant.bot()).document()).id,
      id => ({ id, filename: 'mine' }),
      'input.id',
    );
  });
});

describe('reprocessDocument', () => {
  test('replaces the chunks by those of a new text, and the size', async () => {
    const { document } = await world.done(
      'createDocument',
      { filename: 'f', text: TEXT, metadata: { kind: 'guide' } },
      'document { id chunks { nodes { id } } }',
    );
    const before = await storage();
    const after = await world.done(
      'reprocessDocument',
      { id: document.id, text: 'Short now.' },
      'document { status sizeBytes chunks { nodes { id text chunkIndex metadata hasEmbedding } } }',
    );
    expect(after.document).toMatchObject({
      status: 'COMPLETED',
      sizeBytes: 10,
      chunks: {
        nodes: [
          { text: 'Short now.', chunkIndex: 0, metadata: { kind: 'guide' }, hasEmbedding: true },
        ],
      },
    });
    expect(await storage()).toBe(before - Buffer.byteLength(TEXT) + 10);
    expect(
      (
        await world.done(
          'reprocessDocument',
          { id: document.id, text: 'Other', metadata: {} },
          'document { chunks { nodes { metadata } } }',
        )
      ).document.chunks.nodes,
    ).toEqual([{ metadata: {} }]);
  });

  test('mends a document that failed, and leaves the size of its file', async () => {
    const { id } = await (
      await world.tenant.bot()
    ).document({
      gcs_path: 'gs://x',
      status: 'failed',
      error_message: 'Broken',
      size_bytes: 5_000,
    });
    expect(
      (await world.done('reprocessDocument', { id, text: 'Readable' }, ALL)).document,
    ).toMatchObject({ status: 'COMPLETED', errorMessage: null, sizeBytes: 5_000, chunkCount: 1 });
  });

  test('shows readers the old chunks or the new ones, never both or none', async () => {
    const texts = ['red '.repeat(600), 'blue '.repeat(600)];
    const { document } = await world.done(
      'createDocument',
      { filename: 'f', text: texts[0] },
      'document { id }',
    );
    const writing = new AbortController();
    const seen = new Set<string>();
    const reading = (async () => {
      while (!writing.signal.aborted) {
        const { nodes } = (
          await world.writer.data(
            'query ($id: ID!) { document(id: $id) { chunks { nodes { text } } } }',
            { id: document.id },
          )
        ).document.chunks;
        seen.add(
          nodes.length === 0
            ? 'none'
            : [...new Set(nodes.map(({ text }: { text: string }) => text.slice(0, 3)))].join(),
        );
      }
    })();
    for (let round = 1; round < 6; round += 1)
      await world.done(
        'reprocessDocument',
        { id: document.id, text: texts[round % 2] },
        'document { id }',
      );
    writing.abort();
    await reading;
    expect([...seen].filter(what => !['red', 'blu'].includes(what))).toEqual([]);
  });

  test('refuses unknown ids before it embeds, and changes nothing if embedding fails', async () => {
    const { id } = await (await world.tenant.bot()).document();
    await world.refused(
      'reprocessDocument',
      { id, text: '' },
      { code: 'BAD_USER_INPUT', field: 'input.text' },
    );
    embedder.requests.length = 0;
    await expectForeignIdsRefused(
      world,
      'reprocessDocument',
      (await (await world.otherTenant.bot()).document()).id,
      other => ({ id: other, text: 'Mine' }),
      'input.id',
    );
    expect(embedder.requests).toEqual([]);
    embedder.next(...Array.from({ length: 3 }, () => fails(500)));
    await world.refused('reprocessDocument', { id, text: 'New' }, { code: 'UNAVAILABLE' });
  });
});

describe('deleteDocument', () => {
  test('takes the chunks along', async () => {
    const document = await (await world.tenant.bot()).document();
    await document.texts(2);
    const before = await storage();
    expect(
      await world.done('deleteDocument', { id: document.id }, 'deletedId counts { type count }'),
    ).toEqual({
      deletedId: document.id,
      counts: [
        { type: 'Ingestion', count: 0 },
        { type: 'DocumentChunk', count: 2 },
      ],
    });
    expect(await world.rows('select 1 from doc_chunks where doc_id = ?', [document.id])).toEqual(
      [],
    );
    expect(await storage()).toBe(before - 100);
    await world.refused(
      'deleteDocument',
      { id: document.id },
      { code: 'NOT_FOUND', field: 'input.id' },
    );
  });

  test("does not know another tenant's document", async () => {
    await expectForeignIdsRefused(
      world,
      'deleteDocument',
      (await (await world.otherTenant.bot()).document()).id,
      id => ({ id }),
      'input.id',
    );
  });
});

describe('the tags of a document', () => {
  const SELECTION = 'document { id tags updatedAt }';
  const make = async (tags?: unknown): Promise<{ id: string; tags: string[] }> =>
    (await world.done('createDocument', { filename: 'f', sourceUri: 'gs://f', tags }, SELECTION))
      .document;
  const tagsAfter = async (id: string, tags: unknown): Promise<string[]> =>
    (await world.done('updateDocument', { id, tags }, SELECTION)).document.tags;

  test('are none where they are left out or null, and what is given in its order', async () => {
    expect((await make()).tags).toEqual([]);
    expect((await make(null)).tags).toEqual([]);
    expect((await make([])).tags).toEqual([]);
    expect((await make(['zoo', 'a b', 'NULL', '{"\\,}'])).tags).toEqual([
      'zoo',
      'a b',
      'NULL',
      '{"\\,}',
    ]);
  });

  test('are replaced as a whole, stay where they are left out, and cannot be null', async () => {
    const { id } = await make(['a', 'b']);
    expect(
      (await world.done('updateDocument', { id, filename: 'g' }, SELECTION)).document.tags,
    ).toEqual(['a', 'b']);
    expect(await tagsAfter(id, ['b', 'c'])).toEqual(['b', 'c']);
    expect(await tagsAfter(id, [])).toEqual([]);
    await world.refused(
      'updateDocument',
      { id, tags: null },
      { code: 'BAD_USER_INPUT', field: 'input.tags' },
    );
  });

  test('are each stored once: in the same case, in any normal form', async () => {
    expect((await make(['faq', 'FAQ', 'faq', 'é', 'e\u0301'])).tags).toEqual(['faq', 'FAQ', 'é']);
  });

  test('are stored with a text as with a file', async () => {
    const { document } = await world.done(
      'createDocument',
      { filename: 'f', text: 'A text.', tags: ['t'] },
      SELECTION,
    );
    expect(document.tags).toEqual(['t']);
    const again = await world.done(
      'reprocessDocument',
      { id: document.id, text: 'Another.' },
      SELECTION,
    );
    expect(again.document.tags).toEqual(['t']);
  });

  test('are at most 50 of 100 characters', async () => {
    const most = Array.from(
      { length: 50 },
      (_, nth) => `${nth}`.padStart(2, '0') + '😀'.repeat(98),
    );
    expect((await make(most)).tags).toEqual(most);
  });

  test.each<[string, unknown[], string, string]>([
    [
      '51 of them',
      Array.from({ length: 51 }, () => 'a'),
      'input.tags',
      'input.tags has 51 items; it takes 0 to 50.',
    ],
    [
      'a long one',
      ['a', 'b'.repeat(101)],
      'input.tags[1]',
      'input.tags[1] has 101 characters; the limit is 100.',
    ],
    [
      'an empty one',
      [''],
      'input.tags[0]',
      'input.tags[0] is blank; it needs at least one visible character.',
    ],
    [
      'spaces around one',
      ['a', ' b'],
      'input.tags[1]',
      'input.tags[1] begins or ends with a space. Remove it.',
    ],
    [
      'a control character',
      ['a\nb'],
      'input.tags[0]',
      'input.tags[0] contains the control character U+000A. Remove it.',
    ],
  ])('are refused with %s, and nothing changes', async (_, tags, field, message) => {
    const { id } = await make(['kept']);
    const refusal = { code: 'BAD_USER_INPUT', field, message };
    await world.refused('createDocument', { filename: 'f', sourceUri: 'g', tags }, refusal);
    await world.refused('updateDocument', { id, tags }, refusal);
  });

  test('stand in the audit log when the operator sets them', async () => {
    const input = { tenantId: world.tenant.id, filename: 'f', sourceUri: 'g', tags: ['t'] };
    const { document } = await world.done(
      'createDocument',
      input,
      SELECTION,
      world.gateway.operator,
    );
    const [event] = await world.rows(
      `select details from audit_log where target_id = '${document.id}'`,
    );
    expect(event).toMatchObject({
      details: { tenantId: world.tenant.id, filename: 'f', tags: ['t'] },
    });
  });

  test("find a tenant's own documents alone, in lists and in searches", async () => {
    const other = world.otherTenant;
    const bot = await other.bot();
    const foreign = await bot.document({ tags: '{shared}' });
    await foreign.texts(1);
    const { document } = await world.done(
      'createDocument',
      { filename: 'f', text: 'Passage 0', tags: ['shared'] },
      SELECTION,
    );
    const { documents, ...searches } = await world.writer.data(
      `query ($tags: StringListFilter!) {
        documents(filter: { tags: $tags }) { nodes { id } }
        vector: searchChunks(input: { text: "Passage", documentTags: $tags }) { ...Hits }
        words: searchChunks(input: { text: "Passage", mode: KEYWORD, documentTags: $tags }) {
          ...Hits
        }
        both: searchChunks(input: { text: "Passage", mode: HYBRID, documentTags: $tags }) {
          ...Hits
        }
      }
      fragment Hits on ChunkSearchResult { hits { chunk { document { id } } } }`,
      { tags: { hasAll: ['shared'] } },
    );
    expect(documents.nodes).toEqual([{ id: document.id }]);
    const hits = [{ chunk: { document: { id: document.id } } }];
    expect(searches).toEqual({ vector: { hits }, words: { hits }, both: { hits } });
  });
});
