import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { splitChunks } from '../../../src/chunking/prepare-chunks.js';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { fixedStatement } from '../../../src/db/statement.js';
import { ENTITIES } from '../../../src/entities.js';
import { Commands, freshDatabase, weaver, type FreshDatabase } from '../../support/command.js';
import {
  answers,
  fails,
  startOpenAiServer,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { World, type DocumentWorld, type TenantWorld } from '../../support/world.js';

const TEXT = ['# Guide', ...Array.from({ length: 30 }, (_, nth) => `## Part ${nth}\n\nIt is so.`)]
  .join('\n\n')
  .concat('\n\n', 'The last part goes on for a while. '.repeat(40).trim());
const commands = new Commands();
let fresh: FreshDatabase;
let server: OpenAiServer;
let large: TenantWorld;
let small: TenantWorld;
let documents: DocumentWorld[];
let foreign: DocumentWorld;

const inDatabase = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
};
interface StoredChunk {
  id: string;
  text: string;
  place: string | null;
  page: number | null;
  metadata: unknown;
  vector: string | null;
  context: string | null;
}
const chunksOf = ({ id }: DocumentWorld): Promise<StoredChunk[]> =>
  inDatabase(database =>
    database.reads(OPERATOR_SCOPE).query<StoredChunk>(
      fixedStatement(
        'chunksOfDocument',
        `select c.id, c.text, c.page_num as page, c.chunk_metadata as metadata, c.context,
                c.embedding::text as vector,
                substr(d.text, c.text_start + 1, c.text_end - c.text_start) as place
           from doc_chunks c left join doc_texts d
             on d.tenant_id = c.tenant_id and d.doc_id = c.doc_id and d.revision = c.revision
          where c.doc_id = $1 order by c.chunk_index, c.id`,
      ),
      [id],
    ),
  );
const rebuild = (args: string[], env: Record<string, string> = {}) =>
  weaver(
    {
      ...fresh.env,
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_BASE_URL: server.baseUrl,
      EMBEDDING_MODEL: 'other',
      EMBEDDING_DIMENSIONS: '64',
      ...env,
    },
    ['search', 'rebuild', ...args],
  );
const textsOf = async (document: DocumentWorld) => (await chunksOf(document)).map(row => row.text);
const splitAt = (size: number) => splitChunks(TEXT, size).map(({ text }) => text);

beforeAll(async () => {
  server = await startOpenAiServer({ dimensions: 64 });
  fresh = await freshDatabase({ migrated: true });
  await inDatabase(async database => {
    const world = new World(database);
    [large, small] = [await world.tenant({ name: 'Large' }), await world.tenant({ name: 'Small' })];
    const vector = Array.from({ length: 1536 }, (_, n) => Math.cos(n) / 28);
    const bot = await large.bot();
    documents = [];
    for (const filename of ['a.md', 'b.md', 'c.md']) {
      const document = await bot.document({ filename });
      const chunks = splitChunks(TEXT, 1_000).map(chunk => ({
        ...chunk,
        pageNum: 3,
        metadata: { filename },
        embedding: vector,
      }));
      await document.text({ text: TEXT, chunks });
      documents.push(document);
    }
    foreign = await bot.document({ filename: 'd.pdf' });
    await foreign.texts(2);
    await (await (await small.bot()).document()).texts(1);
  });
}, 120_000);
afterAll(async () => {
  await commands.close();
  await fresh.close();
  await server.close();
});

// In this order: each goes on from what the one before has left.
describe('weaver search rebuild', () => {
  test('leaves documents as they are that are split as they should be', async () => {
    const before = await chunksOf(documents[0]!);
    const { code, out } = await rebuild(['--all']);
    expect(code).toBe(0);
    expect(out).toContain(
      `Large (${large.id}): split 0 documents again, embedded 0 chunks and kept 0 vectors. ` +
        '3 documents are split as they should be, 1 have no stored text and keep their chunks.',
    );
    expect(out).toContain(`Small (${small.id}): split 0 documents again`);
    expect(await chunksOf(documents[0]!)).toEqual(before);
    expect(server.requests).toEqual([]);
  });

  test('tells what it would do, and does nothing', async () => {
    const { code, out } = await rebuild(['--all', '--dry-run'], { WEAVER_CHUNK_SIZE: '400' });
    expect(code).toBe(0);
    expect(out).toMatch(/Large \(\S+\): would split 3 documents again, embed [1-9]\d* chunks/);
    expect(await textsOf(documents[0]!)).toEqual(splitAt(1_000));
    expect(server.requests).toEqual([]);
  });

  test('stops where the service fails, keeps what is done, and goes on from there', async () => {
    server.next(answers(), fails(401));
    const stopped = await rebuild(['--tenant', 'Large'], { WEAVER_CHUNK_SIZE: '400' });
    expect(stopped.code).toBe(1);
    const [, after] = /Large: 1 documents are done\. .*status 401.* --after (\S+\/\S+)$/m.exec(
      stopped.err,
    )!;
    expect(await textsOf(documents[0]!)).toEqual(splitAt(400));
    expect(await textsOf(documents[1]!)).toEqual(splitAt(1_000));
    const { code, out } = await rebuild(['--tenant', 'Large', '--after', after!], {
      WEAVER_CHUNK_SIZE: '400',
    });
    expect(code).toBe(0);
    expect(out).toContain('split 2 documents again');
    for (const document of documents) {
      const chunks = await chunksOf(document);
      expect(chunks.map(({ text }) => text)).toEqual(splitAt(400));
      for (const { text, place, page, metadata, context } of chunks) {
        expect(place).toBe(text);
        expect(page).toBe(3);
        expect(context).toMatch(/^[abc]\.md\nGuide/);
        expect(metadata).toEqual({ filename: context!.slice(0, 4) });
      }
    }
    expect(await textsOf(foreign)).toEqual(['Passage 0', 'Passage 1']);
  });

  test('embeds only chunks whose input changed', async () => {
    const before = new Map(
      (await chunksOf(documents[0]!)).map(row => [`${row.context}\n\n${row.text}`, row.vector]),
    );
    const from = server.requests.length;
    const { out } = await rebuild(['--tenant', 'Large'], { WEAVER_CHUNK_SIZE: '420' });
    const chunks = await chunksOf(documents[0]!);
    expect(chunks.map(({ text }) => text)).toEqual(splitAt(420));
    const inputs = chunks.map(({ context, text }) => `${context}\n\n${text}`);
    const kept = inputs.filter(input => before.has(input));
    expect(kept.length).toBeGreaterThan(0);
    for (const [index, input] of inputs.entries())
      if (before.has(input)) expect(chunks[index]!.vector).toBe(before.get(input));
    const embedded = server.requests.slice(from).flatMap(({ body }) => body.input);
    for (const input of embedded) expect(before.has(input)).toBe(false);
    expect(out).toContain(`embedded ${embedded.length} chunks and kept ${3 * kept.length} vectors`);
  });

  test('needs to be told which tenants', async () => {
    const { code, err } = await rebuild([]);
    expect(code).toBe(2);
    expect(err).toContain("give '--tenant <tenant...>' or '--all'");
  });
});
