import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { pdfOf } from '../../support/file-makers.js';
import { until } from '../../support/row-locks.js';
import { createUpload, part, send, sha256Of, TUS } from '../../support/uploads.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

vi.setConfig({ testTimeout: 240_000 });

let world: WriteWorld;
beforeAll(async () => {
  world = await startWriteWorld({ env: { WEAVER_WORK: 'inline' } });
  await world.tenant.bot();
});
afterAll(() => world.gateway.close());

test('a file that is sent whole or in parts is found by a search, with its page', async () => {
  const bytes = await pdfOf(drawing => {
    drawing.text('A harbour with many boats. '.repeat(40));
    drawing.addPage().text('A zeppelin stands behind the quay. '.repeat(40));
  });
  const whole = await createUpload(world, bytes.length, { filename: 'whole.pdf' });
  expect((await send(whole, 'PUT', bytes)).status).toBe(200);
  const parts = await createUpload(world, bytes.length, { filename: 'parts.pdf' });
  expect((await send(parts, 'PATCH', bytes.subarray(0, 100), part(0))).status).toBe(204);
  expect((await send(parts, 'HEAD', undefined, TUS)).headers.get('upload-offset')).toBe('100');
  expect((await send(parts, 'PATCH', bytes.subarray(100), part(100))).status).toBe(204);

  for (const { id } of [whole, parts]) {
    const { document, ingestion } = await world.done(
      'ingestUpload',
      { uploadId: id },
      'document { id } ingestion { id }',
    );
    await until(async () => {
      const { ingestion: now } = await world.writer.data(
        'query ($id: ID!) { ingestion(id: $id) { state error { message } } }',
        { id: ingestion.id },
      );
      expect(now.error).toBeNull();
      return now.state === 'COMPLETED';
    }, 120);
    const { searchChunks, document: stored } = await world.writer.data(
      `query ($id: ID!) {
        searchChunks(input: { text: "zeppelin", mode: KEYWORD, documentIds: [$id] }) {
          hits { highlight chunk { pageNum text } }
        }
        document(id: $id) { status contentSha256 revision text(start: 0, end: 9) }
      }`,
      { id: document.id },
    );
    expect(searchChunks.hits.map(({ chunk }: any) => chunk.pageNum)).toContain(2);
    for (const { highlight, chunk } of searchChunks.hits) {
      expect(highlight).toContain('<mark>zeppelin</mark>');
      // A chunk has the page on which it begins.
      expect(chunk.pageNum).toBe(chunk.text.includes('harbour') ? 1 : 2);
    }
    expect(stored).toEqual({
      status: 'COMPLETED',
      contentSha256: sha256Of(bytes),
      revision: 1,
      text: 'A harbour',
    });
  }
});
