import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import { checkEmbedder } from '../../../src/ops/search/check-embedder.js';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';
import { OpenAiEmbedder } from '../../../src/embedders/openai-embedder.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { collectLog } from '../../support/log-lines.js';
import {
  fails,
  stalls,
  serviceConfig,
  startOpenAiServer,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { World } from '../../support/world.js';

const { log, lines } = collectLog();
const hashing = new HashingEmbedder();
let db: TestDatabase;
let server: OpenAiServer;
beforeAll(async () => {
  db = await openTestDatabase();
  server = await startOpenAiServer({ dimensions: 64 });
});
afterAll(async () => {
  await db.close();
  await server.close();
});
beforeEach(() => void lines.splice(0));

const idOf = (number: number): string =>
  `0198c7a2-5c1e-7d3a-9f52-${String(number).padStart(12, '0')}`;
const service = (): OpenAiEmbedder =>
  new OpenAiEmbedder(
    serviceConfig(server, {
      model: 'other-model',
      concurrency: 1,
      batchSize: 16,
      timeoutMs: 2_000,
    }),
  );
const check = (
  embedder: HashingEmbedder | OpenAiEmbedder,
  signal = new AbortController().signal,
): Promise<void> => checkEmbedder(db.database, embedder, log, signal);

// In the order of a gateway's life: the database is empty at first.
test('a service is tried without a chunk too, though there is nothing to compare', async () => {
  await check(hashing);
  await check(service());
  expect(lines).toEqual([]);
  server.next(fails(401));
  await check(service());
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('The embedding service cannot be used');
  expect(lines[0]).toContain('status 401');
  // Full requests, so that it shows at the start whether it takes them.
  expect(server.requests.map(({ body }) => body.input.length)).toEqual([16, 16]);
});

test('vectors of the same model are fine, those of another one are told of', async () => {
  const document = await (await (await new World(db.database).tenant()).bot()).document();
  const texts = [
    'A tent may be returned within thirty days.',
    'Stoves are shipped without gas.',
    'Boots.',
  ];
  const vectors = await hashing.embed(texts);
  // Neither one without a direction nor those in the middle are looked at.
  const chunks = texts.map((text, chunkIndex) => ({
    id: idOf(chunkIndex),
    text,
    chunkIndex,
    embedding: chunkIndex === 1 ? vectors[0]! : vectors[chunkIndex]!,
  }));
  await document.chunks(chunks);
  await check(hashing);
  expect(lines).toEqual([]);
  await check(service());
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 40,
    msg: expect.stringContaining('npx weaver search reembed'),
    model: 'other-model',
    looked: 2,
    differing: 2,
  });
});

test('a run that was interrupted is reported, and a vector without direction is not', async () => {
  const document = await (await (await new World(db.database).tenant()).bot()).document();
  const [vector] = await hashing.embed(['A tent']);
  await document.chunks([
    { id: idOf(10), text: 'A tent', chunkIndex: 0, embedding: vector! },
    {
      id: idOf(11),
      text: 'A tent',
      chunkIndex: 1,
      embedding: Array.from({ length: 1536 }, () => 0),
    },
  ]);
  await check(hashing);
  expect(lines).toEqual([]);
  await document.chunks([
    {
      id: idOf(12),
      text: 'A stove',
      chunkIndex: 2,
      embedding: Array.from({ length: 1536 }, (_, n) => (n === 7 ? 1 : 0)),
    },
  ]);
  await check(hashing);
  expect(JSON.parse(lines[0]!)).toMatchObject({ looked: 4, differing: 1 });
});

test('ends without a word when the gateway stops meanwhile', async () => {
  server.next(stalls());
  const stopping = new AbortController();
  const checked = check(service(), stopping.signal);
  setTimeout(() => stopping.abort(new AppError('UNAVAILABLE', 'The gateway stops.')), 100);
  await checked;
  expect(lines).toEqual([]);
});
