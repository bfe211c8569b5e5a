import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answers, startOpenAiServer, type OpenAiServer } from '../../support/openai-server.js';
import { until } from '../../support/row-locks.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

const DIMENSIONS = 64;
const CODE = 'app.addHook("onRequest", async request => {\n  await check(request);\n});\n';
const MANUAL = [
  '# Handbook 😀',
  '## Hooks',
  'These lines really come twice.\nThese lines really come twice.',
  `\`\`\`js\n# not a heading\n${CODE.repeat(5)}\`\`\``,
  CODE.repeat(20),
  '## Prices\n\n| Part | Price |\n| --- | --- |',
]
  .join('\n\n')
  .concat(
    '\n',
    Array.from({ length: 60 }, (_, nth) => `| P-${1000 + nth} | ${nth} euros |`).join('\n'),
    '\n\nThe end of the handbook.\n',
  );

let world: WriteWorld;
let service: OpenAiServer;
/** Ends the wait of requests that `hold` has kept, in the order in which they came. */
let held: (() => void)[];
const hold = (count: number): void => {
  for (let nth = 0; nth < count; nth += 1)
    service.next((request, response, server) =>
      held.push(() => answers()(request, response, server)),
    );
};

beforeAll(async () => {
  service = await startOpenAiServer({ dimensions: DIMENSIONS });
  world = await startWriteWorld({
    embedder: {
      provider: 'openai',
      baseUrl: service.baseUrl,
      apiKey: undefined,
      model: 'test-model',
      dimensions: DIMENSIONS,
      sendDimensions: false,
      concurrency: 32,
      batchSize: 64,
      batchTokens: 250_000,
      queryPrefix: '',
      documentPrefix: '',
      timeoutMs: 100_000,
    },
  });
});
afterAll(async () => {
  await world.gateway.close();
  await service.close();
});
beforeEach(() => void (held = []));

const createdDocument = async (text: string, filename = 'Staff/Mara Lind.md'): Promise<string> => {
  const { document } = await world.done('createDocument', { filename, text }, 'document { id }');
  return document.id;
};
const chunksOf = (id: string) =>
  world.rows<{ text: string; place: string | null; revision: number | null; headings: string[] }>(
    `select c.text, c.revision, c.headings,
            substr(d.text, c.text_start + 1, c.text_end - c.text_start) as place
       from doc_chunks c left join doc_texts d
         on d.tenant_id = c.tenant_id and d.doc_id = c.doc_id and d.revision = c.revision
      where c.doc_id = ? order by c.chunk_index`,
    [id],
  );
const textsOf = (id: string) =>
  world.rows<{ text: string; revision: number; isRight: boolean }>(
    `select text, revision, sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex') as "isRight"
       from doc_texts where doc_id = ? order by revision`,
    [id],
  );

describe('the text of a document', () => {
  test('is kept once for its revision, and every chunk says where in it it stands', async () => {
    const id = await createdDocument(MANUAL);
    expect(await textsOf(id)).toEqual([{ text: MANUAL, revision: 1, isRight: true }]);
    const chunks = await chunksOf(id);
    expect(chunks.length).toBeGreaterThan(3);
    for (const { text, place, revision } of chunks) {
      expect(place).toBe(text);
      expect(revision).toBe(1);
    }
    await world.done('reprocessDocument', { id, text: '# New\n\nShort.' }, 'document { id }');
    expect(await textsOf(id)).toEqual([{ text: '# New\n\nShort.', revision: 2, isRight: true }]);
    expect(await chunksOf(id)).toEqual([
      { text: '# New\n\nShort.', place: '# New\n\nShort.', revision: 2, headings: ['New'] },
    ]);
  });

  test('goes with its document', async () => {
    const id = await createdDocument(MANUAL);
    const { document } = await world
      .done('createBot', { name: 'Other' }, 'bot { id }')
      .then(({ bot }) => world.done('updateDocument', { id, botId: bot.id }, 'document { id }'));
    expect(await textsOf(document.id)).toHaveLength(1);
    await world.done('deleteDocument', { id }, 'deletedId');
    expect(await textsOf(id)).toEqual([]);
    expect(await chunksOf(id)).toEqual([]);
  });

  test('is not kept where other programs add the chunks, which have no place', async () => {
    const { document } = await world.done(
      'createDocument',
      { filename: 'a.pdf', sourceUri: 'gs://bucket/a.pdf' },
      'document { id }',
    );
    const { id } = document;
    await world.done(
      'addChunks',
      { documentId: id, chunks: [{ text: 'One.' }] },
      'document { id }',
    );
    expect(await textsOf(id)).toEqual([]);
    expect(await chunksOf(id)).toEqual([
      { text: 'One.', place: null, revision: null, headings: [] },
    ]);
  });
});

describe('chunks of a text', () => {
  test('show the headings above them', async () => {
    const id = await createdDocument(MANUAL);
    const { data } = await world.writer.query(
      `{ document(id: "${id}") { chunks(first: 100) { nodes { text headings } } } }`,
    );
    const { nodes } = data.document.chunks;
    for (const { text, headings } of nodes) {
      expect(headings[0]).toBe('Handbook 😀');
      if (text.includes('euros')) expect(headings).toEqual(['Handbook 😀', 'Prices']);
      expect(headings).not.toContain('not a heading');
    }
  });

  test("are embedded with the name of the file, the headings and a table's header", async () => {
    const from = service.requests.length;
    await createdDocument(MANUAL);
    const inputs = service.requests.slice(from).flatMap(({ body }) => body.input);
    for (const input of inputs) expect(input).toMatch(/^Staff\/Mara Lind\.md\nHandbook 😀( > |\n)/);
    const later = inputs.filter(input => input.includes('P-1059'));
    expect(later).toHaveLength(1);
    expect(later[0]).toMatch(
      /^Staff\/Mara Lind\.md\nHandbook 😀 > Prices\n\| Part \| Price \|\n\| --- \| --- \|\n\n\| P-/,
    );
  });

  test('of other programs are embedded with the name of the file', async () => {
    const id = await createdDocument('First.');
    const from = service.requests.length;
    await world.done(
      'addChunks',
      { documentId: id, chunks: [{ text: 'One.' }] },
      'document { id }',
    );
    expect(service.requests.slice(from).flatMap(({ body }) => body.input)).toEqual([
      'Staff/Mara Lind.md\n\nOne.',
    ]);
  });
});

describe('the context of chunks', () => {
  const found = async (text: string, mode = 'KEYWORD') => {
    const { data, errors } = await world.writer.query(
      `{ searchChunks(input: { text: "${text}", mode: ${mode}, topK: 100 }) ` +
        '{ hits { chunk { document { id } } } } }',
    );
    expect(errors).toBeUndefined();
    return new Set(data.searchChunks.hits.map((hit: any) => hit.chunk.document.id as string));
  };

  test('is the same in what is embedded and in what is indexed', async () => {
    const from = service.requests.length;
    const id = await createdDocument(MANUAL, 'Shelf/context.md');
    const stored = await world.rows<{ input: string }>(
      `select context || E'\n\n' || text as input from doc_chunks where doc_id = ? ` +
        'order by chunk_index',
      [id],
    );
    expect(service.requests.slice(from).flatMap(({ body }) => body.input)).toEqual(
      stored.map(({ input }) => input),
    );
  });

  test('finds chunks by the name of their file and by their headings', async () => {
    const id = await createdDocument(
      `## Quarrelsome\n\n${'These are other words. '.repeat(90)}`,
      'Folk/Ottilie Bergmann.md',
    );
    expect(await found('Bergmann')).toContain(id);
    const chunks = await chunksOf(id);
    const { data } = await world.writer.query(
      `{ searchChunks(input: { text: "quarrelsome", mode: KEYWORD, documentIds: ["${id}"], ` +
        'topK: 100 }) { hits { chunk { text } } } }',
    );
    expect(data.searchChunks.hits).toHaveLength(chunks.length);
  });

  test('follows the name of the file at once', async () => {
    const id = await createdDocument('Nothing of note.', 'before-xylophone.md');
    expect(await found('xylophone')).toContain(id);
    await world.done('updateDocument', { id, filename: 'after-zither.md' }, 'document { id }');
    expect(await found('xylophone')).not.toContain(id);
    expect(await found('zither')).toContain(id);
  });

  test('is there for chunks that other programs add by plain SQL', async () => {
    const id = await createdDocument('Nothing of note.', 'glockenspiel.md');
    await world.gateway.world.insert('doc_chunks', {
      tenant_id: world.tenant.id,
      doc_id: id,
      text: 'Also nothing.',
      chunk_index: 7,
      headings: '{Above,Below}',
    });
    expect(
      await world.rows('select context from doc_chunks where doc_id = ? and chunk_index = 7', [id]),
    ).toEqual([{ context: 'glockenspiel.md\nAbove > Below' }]);
    expect(await found('glockenspiel below')).toContain(id);
  });
});

describe('of two changes of a document at once', () => {
  const textOf = async (id: string) => (await textsOf(id))[0]!.text;
  const reprocess = (id: string, text: string) =>
    world.run('reprocessDocument', { id, text }, 'document { id }');
  const code = ({ errors }: { errors?: readonly any[] | undefined }) =>
    errors?.[0]?.extensions.code;

  test('the text that was begun first is refused where the later one is stored', async () => {
    const id = await createdDocument('Before.');
    hold(1);
    const first = reprocess(id, 'Begun first.');
    await until(async () => held.length === 1);
    expect(code(await reprocess(id, 'Begun later.'))).toBeUndefined();
    held[0]!();
    expect(code(await first)).toBe('CONFLICT');
    expect(await textOf(id)).toBe('Begun later.');
    expect((await chunksOf(id)).map(({ text }) => text)).toEqual(['Begun later.']);
  });

  test('the later one is not lost without a word where the first is stored before', async () => {
    const id = await createdDocument('Before.');
    hold(2);
    const first = reprocess(id, 'Begun first.');
    await until(async () => held.length === 1);
    const later = reprocess(id, 'Begun later.');
    await until(async () => held.length === 2);
    held[0]!();
    expect(code(await first)).toBeUndefined();
    held[1]!();
    expect(code(await later)).toBe('CONFLICT');
    expect(await textOf(id)).toBe('Begun first.');
  });

  test('chunks for an older text are not added to the new one', async () => {
    const id = await createdDocument('Before.');
    hold(1);
    const adding = world.run(
      'addChunks',
      { documentId: id, chunks: [{ text: 'Of the old text.' }] },
      'document { id }',
    );
    await until(async () => held.length === 1);
    expect(code(await reprocess(id, 'After.'))).toBeUndefined();
    held[0]!();
    expect(code(await adding)).toBe('CONFLICT');
    expect((await chunksOf(id)).map(({ text }) => text)).toEqual(['After.']);
  });

  test('both programs may add chunks', async () => {
    const id = await createdDocument('Before.');
    hold(1);
    const add = (text: string) =>
      world.run('addChunks', { documentId: id, chunks: [{ text }] }, 'document { id }');
    const first = add('One.');
    await until(async () => held.length === 1);
    expect(code(await add('Two.'))).toBeUndefined();
    held[0]!();
    expect(code(await first)).toBeUndefined();
    expect(await chunksOf(id)).toHaveLength(3);
  });
});

describe('passages', () => {
  const passagesOf = async (input: string, fields = 'text') => {
    const { data, errors } = await world.writer.query(
      `{ searchChunks(input: { ${input} }) { hits { chunk { id } } passages { ${fields} } } }`,
    );
    expect(errors).toBeUndefined();
    return data.searchChunks;
  };

  test("are the document's text: nothing twice, and twice what stands there twice", async () => {
    const id = await createdDocument(MANUAL, 'manual.md');
    const { passages } = await passagesOf(
      `text: "handbook", documentIds: ["${id}"], topK: 100`,
      'text document { filename } pageNums chunks { id }',
    );
    expect(passages).toHaveLength(1);
    expect(passages[0].text).toBe(MANUAL.trim());
    expect(passages[0].document).toEqual({ filename: 'manual.md' });
    expect(passages[0].pageNums).toEqual([]);
  });

  test('show a gap where a chunk was deleted or another program has added one', async () => {
    const id = await createdDocument(MANUAL);
    const { data } = await world.writer.query(
      `{ document(id: "${id}") { chunks(first: 100) { nodes { id text } } } }`,
    );
    const { nodes } = data.document.chunks;
    await world.done('deleteChunks', { ids: [nodes[1].id] }, 'deletedCount');
    await world.done(
      'addChunks',
      { documentId: id, chunks: [{ text: 'Added.', pageNum: 7 }] },
      'document { id }',
    );
    const { passages } = await passagesOf(
      `text: "handbook", documentIds: ["${id}"], topK: 100, contextWindow: 5`,
      'text pageNums',
    );
    expect(passages).toHaveLength(1);
    const parts = passages[0].text.split('\n\n…\n\n');
    expect(parts[0]).toBe(nodes[0].text);
    expect(MANUAL).toContain(parts[1]);
    expect(parts.slice(2)).toEqual(['Added.']);
    expect(passages[0].pageNums).toEqual([7]);
  });

  test('cost two statements at most, however many there are', async () => {
    const ids = [await createdDocument(MANUAL), await createdDocument(MANUAL)];
    const names = async (topK: number) =>
      world.gateway.statements(() =>
        passagesOf(
          `text: "handbook", documentIds: ${JSON.stringify(ids)}, topK: ${topK}, contextWindow: 1`,
          'text document { filename } chunks { headings }',
        ),
      );
    const few = await names(2);
    expect(few.filter(name => /chunkWindows|passageTexts/.test(name))).toEqual([
      'chunkWindows',
      'passageTexts',
    ]);
    expect(await names(20)).toHaveLength(few.length);
  });
});

describe('searches by the name of the file', () => {
  test('find chunks of such documents alone', async () => {
    const id = await createdDocument('Phone: 555-0199', 'Offices/Otto Berg.md');
    const search = async (filter: string) => {
      const { data, errors } = await world.writer.query(
        `{ searchChunks(input: { text: "phone", topK: 100, documentFilename: ${filter} }) ` +
          '{ hits { chunk { document { id filename } } } } }',
      );
      return { errors, ids: data?.searchChunks?.hits.map((hit: any) => hit.chunk.document.id) };
    };
    for (const filter of [
      '{ eq: "Offices/Otto Berg.md" }',
      '{ contains: "otto" }',
      '{ startsWith: "offices/" }',
      '{ in: ["x", "Offices/Otto Berg.md"] }',
    ])
      expect((await search(filter)).ids).toEqual([id]);
    expect((await search('{ eq: "nothing" }')).ids).toEqual([]);
    expect((await search('{}')).ids.length).toBeGreaterThan(1);
    const { errors } = await search(`{ contains: "${'x'.repeat(1_001)}" }`);
    expect(errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.documentFilename.contains',
    });
  });
});
