import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pdfOf } from '../../support/file-makers.js';
import { receivedFile, sections } from '../../support/files.js';
import { until } from '../../support/row-locks.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';
import type { BotWorld } from '../../support/world.js';

// Threads that compile what they run take seconds on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

let world: WriteWorld;
let bot: BotWorld;
beforeAll(async () => {
  world = await startWriteWorld({ env: { WEAVER_WORK: 'inline' } });
  bot = await world.tenant.bot();
});
afterAll(() => world.gateway.close());

const INGESTION = `id state step done total attempt revision kind filename sizeBytes
  error { code message retryable } startedAt finishedAt cancelledAt`;

const upload = (filename: string, text: string | Buffer): Promise<string> =>
  receivedFile(world.gateway.db, bot, filename, text);

const begin = (input: object): Promise<any> =>
  world.done(
    'ingestUpload',
    input,
    `document { id status filename } ingestion { ${INGESTION} } duplicateOf { id }`,
  );

/** The ingestion once it is over. */
async function ended(id: string): Promise<any> {
  let ingestion: any;
  await until(async () => {
    ({ ingestion } = await world.writer.data(
      `query ($id: ID!) { ingestion(id: $id) { ${INGESTION} } }`,
      { id },
    ));
    return ['COMPLETED', 'FAILED', 'CANCELLED'].includes(ingestion.state);
  }, 60);
  return ingestion;
}

const chunksOf = (documentId: string): Promise<any[]> =>
  world.rows(
    `select c.text, c.chunk_index, c.page_num, c.headings, c.revision, c.text_start, c.text_end,
            c.context, c.chunk_metadata, c.embedding::text as embedding,
            substr(t.text, c.text_start + 1, c.text_end - c.text_start) as cut
       from doc_chunks c left join doc_texts t on t.doc_id = c.doc_id and t.revision = c.revision
      where c.doc_id = ? order by c.chunk_index, c.id`,
    [documentId],
  );

describe('Mutation.ingestUpload', () => {
  test('makes a document of a text file, like createDocument of its text', async () => {
    const text = sections(5);
    const { document, ingestion, duplicateOf } = await begin({
      uploadId: await upload('tents.md', text),
      metadata: { lang: 'en' },
    });
    expect(document).toMatchObject({ filename: 'tents.md' });
    expect(duplicateOf).toBeNull();
    expect(await ended(ingestion.id)).toMatchObject({
      state: 'COMPLETED',
      step: 'SWITCH',
      done: 5,
      total: 5,
      attempt: 1,
      revision: 1,
      kind: 'CREATE',
      error: null,
      sizeBytes: Buffer.byteLength(text),
    });
    const { document: other } = await world.done(
      'createDocument',
      { botId: bot.id, filename: 'tents.md', text, metadata: { lang: 'en' } },
      'document { id }',
    );
    const chunks = await chunksOf(document.id);
    expect(chunks).toEqual(await chunksOf(other.id));
    for (const chunk of chunks) expect(chunk.cut).toBe(chunk.text);
    expect(
      await world.writer.data(
        `query ($id: ID!) { document(id: $id) {
           status sizeBytes metadata contentSha256 ingestion { id } } }`,
        { id: document.id },
      ),
    ).toMatchObject({
      document: {
        status: 'COMPLETED',
        metadata: { lang: 'en' },
        sizeBytes: Buffer.byteLength(text),
        ingestion: { id: ingestion.id },
      },
    });
    expect(await world.rows('select count(*)::int as n from ingestion_chunks')).toEqual([{ n: 0 }]);
  });

  test('replaces the text of a document as its next revision', async () => {
    const first = await begin({ uploadId: await upload('a.md', sections(3)) });
    await ended(first.ingestion.id);
    const second = await begin({
      uploadId: await upload('b.md', sections(4, 'boat')),
      documentId: first.document.id,
    });
    expect(second.document).toMatchObject({ id: first.document.id, filename: 'a.md' });
    expect(await ended(second.ingestion.id)).toMatchObject({
      state: 'COMPLETED',
      kind: 'REPLACE',
      revision: 2,
    });
    const chunks = await chunksOf(first.document.id);
    expect(chunks).toHaveLength(4);
    for (const chunk of chunks) expect(chunk).toMatchObject({ revision: 2, cut: chunk.text });
  });

  test('tells of the same content and embeds nothing of it again', async () => {
    const text = sections(3, 'canoe');
    const first = await begin({ uploadId: await upload('same.md', text) });
    await ended(first.ingestion.id);
    const again = await begin({ uploadId: await upload('same.md', text) });
    expect(again.duplicateOf).toEqual({ id: first.document.id });
    expect(await ended(again.ingestion.id)).toMatchObject({ state: 'COMPLETED', done: 3 });
    expect(await chunksOf(again.document.id)).toEqual(await chunksOf(first.document.id));
  });

  test('makes of a long text what createDocument makes of it', async () => {
    const text = sections(300, 'glacier 𝒳');
    expect(text.length).toBeGreaterThan(200_000);
    const { document, ingestion } = await begin({ uploadId: await upload('long.md', text) });
    expect(await ended(ingestion.id)).toMatchObject({ state: 'COMPLETED' });
    const { document: other } = await world.done(
      'createDocument',
      { botId: bot.id, filename: 'long.md', text },
      'document { id }',
    );
    const chunks = await chunksOf(document.id);
    expect(chunks).toEqual(await chunksOf(other.id));
    for (const chunk of chunks) expect(chunk.cut).toBe(chunk.text);
  });

  test('knows on which page of a PDF each chunk begins', async () => {
    const pages = ['tent', 'boat', 'raft'].map(word => `The ${word} is on this page. `.repeat(40));
    const pdf = await pdfOf(drawing => {
      drawing.text(pages[0]!);
      for (const page of pages.slice(1)) drawing.addPage().text(page);
    });
    const { document, ingestion } = await begin({ uploadId: await upload('pages.pdf', pdf) });
    expect(await ended(ingestion.id)).toMatchObject({ state: 'COMPLETED' });
    const chunks = await chunksOf(document.id);
    for (const { text, cut, page_num: page } of chunks) {
      expect(cut).toBe(text);
      expect(text).toContain(['tent', 'boat', 'raft'][page - 1]);
    }
    expect(new Set(chunks.map(({ page_num: page }) => page))).toEqual(new Set([1, 2, 3]));
    expect(
      await world.rows('select page_starts, extractor from doc_texts where doc_id = ?', [
        document.id,
      ]),
    ).toEqual([{ page_starts: [0, expect.any(Number), expect.any(Number)], extractor: 'unpdf' }]);
  });

  test('says what is wrong with a file that cannot be read', async () => {
    const { document, ingestion } = await begin({
      uploadId: await upload('bad.pdf', '%PDF-1.7\nThe rest is missing.'),
    });
    expect(await ended(ingestion.id)).toMatchObject({
      state: 'FAILED',
      error: { code: 'CORRUPT', retryable: false },
    });
    expect(
      await world.writer.data('query ($id: ID!) { document(id: $id) { status errorMessage } }', {
        id: document.id,
      }),
    ).toMatchObject({
      document: { status: 'FAILED', errorMessage: expect.stringMatching(/PDF/) },
    });
  });
});
