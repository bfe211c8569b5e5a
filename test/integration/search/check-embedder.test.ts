import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import { checkEmbedder } from '../../../src/search/check-embedder.js';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';
import { OpenAiEmbedder } from '../../../src/embedders/openai-embedder.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { collectLog } from '../../support/log-lines.js';
import { fails, stalls, startOpenAiServer, type OpenAiServer } from '../../support/openai-server.js';
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

const service = (): OpenAiEmbedder =>
  new OpenAiEmbedder({ provider: 'openai', baseUrl: server.baseUrl, apiKey: undefined, model: 'other-model', dimensions: 64, sendDimensions: false, concurrency: 1, batchSize: 16, timeoutMs: 2_000 });
const check = (embedder: HashingEmbedder | OpenAiEmbedder, signal = new AbortController().signal): Promise<void> => checkEmbedder(db.database, embedder, log, signal);

// In the order of a gateway's life: the database is empty at first.
test('without a chunk there is nothing to compare with, and a service is tried all the same', async () => {
  await check(hashing);
  await check(service());
  expect(lines).toEqual([]);
  server.next(fails(401));
  await check(service());
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('The embedding service cannot be used');
  expect(lines[0]).toContain('status 401');
});

test('vectors of the same model are fine, those of another one are told of', async () => {
  const document = await (await (await new World(db.database).tenant()).bot()).document();
  const texts = ['A tent may be returned within thirty days.', 'Stoves are shipped without gas.'];
  const vectors = await hashing.embed(texts);
  await document.chunks(texts.map((text, chunkIndex) => ({ text, chunkIndex, embedding: vectors[chunkIndex]! })));
  await document.chunks([{ text: 'Without a direction', chunkIndex: 3, embedding: Array.from({ length: 1536 }, () => 0) }]);
  await document.chunks([{ text: 'Made elsewhere', chunkIndex: 2, embedding: Array.from({ length: 1536 }, (_, n) => (n === 7 ? 1 : 0)) }]);
  await check(hashing);
  expect(lines).toEqual([]);
  await check(service());
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]!) as { level: number; msg: string; model: string; cosine: number };
  expect(line).toMatchObject({ level: 40, msg: expect.stringContaining('another model'), model: 'other-model' });
  expect(Math.abs(line.cosine)).toBeLessThan(0.5);
});

test('ends without a word when the gateway stops meanwhile', async () => {
  server.next(stalls());
  const stopping = new AbortController();
  const checked = check(service(), stopping.signal);
  setTimeout(() => stopping.abort(new AppError('UNAVAILABLE', 'The gateway stops.')), 100);
  await checked;
  expect(lines).toEqual([]);
});
