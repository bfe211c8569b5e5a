import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DocumentWorld } from '../../support/world.js';
import { expectForeignIdsRefused, startWriteWorld, type WriteWorld } from '../../support/writes.js';

let world: WriteWorld;
let document: DocumentWorld;

beforeAll(async () => {
  world = await startWriteWorld();
  document = await (await world.tenant.bot()).document();
});
afterAll(() => world.gateway.close());

const unit = (place: number, value = 1, length = 1536): number[] =>
  Array.from({ length }, (_, index) => (index === place ? value : 0));
const SHOWN =
  'chunks { id text chunkIndex pageNum metadata hasEmbedding } document { id chunkCount }';

describe('addChunks', () => {
  test('stores chunks with vectors given, made here, or none', async () => {
    const { chunks, document: shown } = await world.done(
      'addChunks',
      {
        documentId: document.id,
        chunks: [
          { text: 'Given', embedding: unit(3, 70_000), pageNum: 2, metadata: { a: [1] } },
          { text: 'Made here' },
          { text: 'Without', embedding: null, metadata: null, pageNum: null },
        ],
      },
      'chunks { id text chunkIndex pageNum metadata hasEmbedding embedding } document { ' +
        'id chunkCount }',
    );
    expect(chunks).toMatchObject([
      { text: 'Given', chunkIndex: 0, pageNum: 2, metadata: { a: [1] }, hasEmbedding: true },
      { text: 'Made here', chunkIndex: 1, pageNum: null, metadata: {}, hasEmbedding: true },
      {
        text: 'Without',
        chunkIndex: 2,
        pageNum: null,
        metadata: {},
        hasEmbedding: false,
        embedding: null,
      },
    ]);
    // Beyond what half precision holds, so it is stored with length 1: magnitude means nothing.
    expect(chunks[0].embedding).toEqual(unit(3));
    expect(shown).toEqual({ id: document.id, chunkCount: 3 });
    const { hits } = (
      await world.writer.data(
        'query ($v: Vector!) { searchChunks(input: { embedding: $v, topK: 1 }) { hits { ' +
          'similarity chunk { id } } } }',
        { v: unit(3) },
      )
    ).searchChunks;
    expect(hits).toEqual([{ similarity: 1, chunk: { id: chunks[0].id } }]);
  });

  test('puts chunks behind the last, or where they are told', async () => {
    const other = await (await world.tenant.bot()).document();
    const places = async (chunks: object[]) =>
      (
        await world.done(
          'addChunks',
          {
            documentId: other.id,
            chunks: chunks.map(chunk => ({ text: 't', embedding: null, ...chunk })),
          },
          SHOWN,
        )
      ).chunks.map((chunk: any) => chunk.chunkIndex);
    expect(await places([{}, {}])).toEqual([0, 1]);
    expect(await places([{}, { chunkIndex: 10 }, {}, { chunkIndex: 0 }, {}])).toEqual([
      2, 10, 11, 0, 1,
    ]);
    expect(await places([{ chunkIndex: 2 ** 31 - 1 }])).toEqual([2 ** 31 - 1]);
    await world.refused(
      'addChunks',
      { documentId: other.id, chunks: [{ text: 't', embedding: null }] },
      { code: 'BAD_USER_INPUT', field: 'input.chunks[0].chunkIndex' },
    );
  });

  test('at once gives no place twice', async () => {
    const other = await (await world.tenant.bot()).document();
    await Promise.all(
      Array.from({ length: 6 }, () =>
        world.done(
          'addChunks',
          {
            documentId: other.id,
            chunks: [
              { text: 'a', embedding: null },
              { text: 'b', embedding: null },
            ],
          },
          'document { id }',
        ),
      ),
    );
    expect(
      await world.rows(
        'select count(*)::int as n, count(distinct chunk_index)::int as places, ' +
          'max(chunk_index) as last from doc_chunks where doc_id = ?',
        [other.id],
      ),
    ).toEqual([{ n: 12, places: 12, last: 11 }]);
  });

  test('takes 500, and of one that is wrong none', async () => {
    const other = await (await world.tenant.bot()).document();
    const chunks = Array.from({ length: 500 }, (_, index) => ({
      text: `Chunk ${index}`,
      embedding: null as number[] | null,
    }));
    expect(
      (await world.done('addChunks', { documentId: other.id, chunks }, SHOWN)).document.chunkCount,
    ).toBe(500);
    await world.refused(
      'addChunks',
      { documentId: other.id, chunks: [...chunks, chunks[0]] },
      {
        code: 'BAD_USER_INPUT',
        field: 'input.chunks',
        message: 'input.chunks has 501 items; it takes 1 to 500.',
      },
    );
    await world.refused(
      'addChunks',
      { documentId: other.id, chunks: [] },
      { code: 'BAD_USER_INPUT', field: 'input.chunks' },
    );
    await world.refused(
      'addChunks',
      { documentId: other.id, chunks: [...chunks.slice(1), { text: '' }] },
      { code: 'BAD_USER_INPUT', field: 'input.chunks[499].text' },
    );
  });

  test.each([
    [{ text: 'x'.repeat(20_001) }, 'text'],
    [{ text: 't', embedding: [1, 2, 3] }, 'embedding'],
    [{ text: 't', embedding: unit(0, 0) }, 'embedding'],
    [{ text: 't', chunkIndex: -1 }, 'chunkIndex'],
    [{ text: 't', pageNum: 0 }, 'pageNum'],
    [{ text: 't', metadata: { p: 'x'.repeat(16_384) } }, 'metadata'],
  ])('refuses %#', async (chunk, field) => {
    await world.refused(
      'addChunks',
      { documentId: document.id, chunks: [{ text: 'Fine' }, chunk] },
      { code: 'BAD_USER_INPUT', field: `input.chunks[1].${field}` },
    );
  });

  test("does not know another tenant's document", async () => {
    await expectForeignIdsRefused(
      world,
      'addChunks',
      (await (await world.otherTenant.bot()).document()).id,
      documentId => ({ documentId, chunks: [{ text: 'Mine' }] }),
      'input.documentId',
    );
  });

  test('under one key at once stores once', async () => {
    const other = await (await world.tenant.bot()).document();
    const input = { documentId: other.id, chunks: [{ text: 'Once' }], idempotencyKey: v4() };
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => world.done('addChunks', input, SHOWN)),
    );
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0].document.chunkCount).toBe(1);
    await world.refused(
      'addChunks',
      { ...input, chunks: [{ text: 'Twice' }] },
      { code: 'CONFLICT', field: 'input.idempotencyKey' },
    );
  });
});

describe('deleteChunks', () => {
  test('deletes those that are named, or none', async () => {
    const other = await (await world.tenant.bot()).document();
    const [a, b, c] = await other.texts(3);
    const [foreign] = await (await (await world.otherTenant.bot()).document()).texts(1);
    await expectForeignIdsRefused(
      world,
      'deleteChunks',
      foreign!,
      id => ({ ids: [a, id] }),
      'input.ids[1]',
    );
    await world.refused(
      'deleteChunks',
      { ids: [] },
      { code: 'BAD_USER_INPUT', field: 'input.ids' },
    );
    expect(
      await world.done(
        'deleteChunks',
        { ids: [a, c, a!.toUpperCase()] },
        'deletedCount deletedIds',
      ),
    ).toEqual({ deletedCount: 2, deletedIds: expect.arrayContaining([a, c]) });
    expect(await world.rows('select id from doc_chunks where doc_id = ?', [other.id])).toEqual([
      { id: b },
    ]);
  });

  test('deletes chunks of several tenants for the operator, and tells each', async () => {
    const tenants = [await world.gateway.world.tenant(), await world.gateway.world.tenant()];
    const ids: string[] = [];
    for (const tenant of tenants)
      ids.push(...(await (await (await tenant.bot()).document()).texts(2)));
    expect(
      await world.done('deleteChunks', { ids }, 'deletedCount', world.gateway.operator),
    ).toEqual({ deletedCount: 4 });
    for (const tenant of tenants)
      expect(
        await world.rows(
          'select action, actor_kind, target_type, target_id, details from audit_log ' +
            'where tenant_id = ?',
          [tenant.id],
        ),
      ).toEqual([
        {
          action: 'deleteChunks',
          actor_kind: 'operator',
          target_type: 'DocumentChunk',
          target_id: null,
          details: {},
        },
      ]);
  });

  test('deletes all of a document', async () => {
    const other = await (await world.tenant.bot()).document();
    await other.texts(4);
    expect(
      await world.done('deleteChunks', { documentId: other.id }, 'deletedCount deletedIds'),
    ).toEqual({ deletedCount: 4, deletedIds: null });
    expect(await world.done('deleteChunks', { documentId: other.id }, 'deletedCount')).toEqual({
      deletedCount: 0,
    });
    await expectForeignIdsRefused(
      world,
      'deleteChunks',
      (await (await world.otherTenant.bot()).document()).id,
      documentId => ({ documentId }),
      'input.documentId',
    );
    for (const input of [{}, { ids: [v4()], documentId: other.id }])
      await world.refused('deleteChunks', input, { code: 'BAD_USER_INPUT', field: 'input.ids' });
  });
});
