import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';

const TEXTS = 40;
const QUERY = 'query ($id: ID!) { document(id: $id) { chunks(first: 100) { nodes { text } } } }';

const log = collectLog();
let gateway: TestGateway;
let key: string;
/**
 * Documents with texts that differ, some of them not ASCII, each of more than a hundred kilobytes.
 */
const documents: { id: string; texts: string[] }[] = [];

beforeAll(async () => {
  gateway = await startTestGateway({ log: log.log });
  const tenant = await gateway.world.tenant();
  key = (await tenant.key()).secret;
  for (let n = 0; n < 6; n += 1) {
    const document = await (await tenant.bot()).document();
    const texts = Array.from(
      { length: TEXTS },
      (_, index) => `${n} ${index} ${(n % 2 ? 'größer ☂ ' : 'plain "text"\n').repeat(300)}`,
    );
    await document.chunks(texts.map((text, chunkIndex) => ({ text, chunkIndex, embedding: null })));
    documents.push({ id: document.id, texts });
  }
});
afterAll(() => gateway.close());

interface Received {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** One request whose answer stays as it came. */
function send(path: string, headers: Record<string, string>, body?: string): Promise<Received> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${gateway.url}${path}`,
      { method: body === undefined ? 'GET' : 'POST', headers },
      response => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(pieces),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const ask = (id: string, headers: Record<string, string> = {}, query = QUERY): Promise<Received> =>
  send(
    '/graphql',
    { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    JSON.stringify({ query, variables: { id } }),
  );

const textsOf = (body: Buffer): string[] =>
  (
    JSON.parse(body.toString()) as { data: { document: { chunks: { nodes: { text: string }[] } } } }
  ).data.document.chunks.nodes.map(({ text }) => text);

describe('a large answer', () => {
  test('is the same for many who ask at once, compressed or not', async () => {
    const asked = Array.from({ length: 60 }, (_, n) => ({
      document: documents[n % documents.length]!,
      encoding: ['identity', 'br', 'gzip'][n % 3]!,
    }));
    const unpack = {
      identity: (body: Buffer) => body,
      br: brotliDecompressSync,
      gzip: gunzipSync,
    } as Record<string, (body: Buffer) => Buffer>;
    const answers = await Promise.all(
      asked.map(({ document, encoding }) => ask(document.id, { 'accept-encoding': encoding })),
    );
    for (const [n, { headers, body }] of answers.entries()) {
      const { document, encoding } = asked[n]!;
      expect(headers['content-encoding'] ?? 'identity').toBe(encoding);
      expect(textsOf(unpack[encoding]!(body))).toEqual(document.texts);
    }
  });

  test.each([
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['gzip;q=1.0, br;q=0', 'gzip'],
    ['deflate', undefined],
    ['identity', undefined],
  ])('comes to who accepts %s as %s', async (accepted, expected) => {
    const { headers, body } = await ask(documents[0]!.id, { 'accept-encoding': accepted });
    expect(headers['content-encoding']).toBe(expected);
    expect(headers['cache-control']).toBe('no-store');
    if (expected === undefined) expect(Number(headers['content-length'])).toBe(body.length);
    else {
      expect(body.length).toBeLessThan(20_000);
      expect(String(headers.vary).toLowerCase()).toContain('accept-encoding');
    }
  });

  test('is not kept by anybody and so has no ETag', async () => {
    expect((await ask(documents[0]!.id)).headers.etag).toBeUndefined();
  });
});

test('a large answer that nobody waits for any more is no mistake of ours in the log', async () => {
  const lists = Array.from({ length: 8 }, (_, n) => `a${n}: chunks(first: 100) { nodes { text } }`);
  const large = `query ($id: ID!) { document(id: $id) { ${lists.join(' ')} } }`;
  for (let n = 0; n < 4; n += 1) {
    const sent = request(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    });
    sent.on('error', () => {});
    // The last thing that its answer is made of.
    gateway.db.database.onStatement = ({ text }) =>
      void (text.includes('chunks') && setImmediate(() => sent.destroy()));
    sent.end(JSON.stringify({ query: large, variables: { id: documents[0]!.id } }));
    await new Promise(resolve => sent.once('close', resolve));
  }
  gateway.db.database.onStatement = () => {};
  // Made after theirs.
  expect((await ask(documents[0]!.id, {}, large)).status).toBe(200);
  await expect.poll(() => log.entries().filter(({ aborted }) => aborted)).toHaveLength(4);
  expect(log.entries().filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

test('a compressed answer whose caller goes is no mistake of ours in the log', async () => {
  const from = log.lines.length;
  const headers = {
    'content-type': 'application/json',
    'accept-encoding': 'gzip',
    authorization: `Bearer ${key}`,
  };
  const aborted = 40;
  for (let n = 0; n < aborted; n += 1) {
    const sent = request(`${gateway.url}/graphql`, { method: 'POST', headers });
    sent.on('error', () => {});
    // A little later each time, so that some go while the answer is being compressed.
    gateway.db.database.onStatement = ({ text }) =>
      void (text.includes('chunks') && setTimeout(() => sent.destroy(), n / 4));
    sent.end(JSON.stringify({ query: QUERY, variables: { id: documents[0]!.id } }));
    await new Promise(resolve => sent.once('close', resolve));
  }
  gateway.db.database.onStatement = () => {};
  const entries = (): Record<string, unknown>[] => log.entries().slice(from);
  await expect.poll(() => entries().filter(({ msg }) => msg === 'request').length).toBe(aborted);
  expect((await ask(documents[0]!.id, headers)).status).toBe(200);
  expect(entries().filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

test('a small answer is not compressed', async () => {
  const { headers } = await ask(
    documents[0]!.id,
    { 'accept-encoding': 'br, gzip' },
    'query ($id: ID!) { document(id: $id) { id } }',
  );
  expect(headers['content-encoding']).toBeUndefined();
});

test('a compressed body of a request is not unpacked', async () => {
  const { status } = await send(
    '/graphql',
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    'not even gzip',
  );
  expect(status).toBe(415);
});

test('a large answer to a large request is told of as a leak by nobody', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  try {
    const { status } = await ask(
      documents[0]!.id,
      { 'accept-encoding': 'gzip' },
      `${QUERY} #${' '.repeat(200_000)}`,
    );
    expect(status).toBe(200);
  } finally {
    process.off('warning', onWarning);
  }
  expect(warnings).toEqual([]);
});

describe("the Playground's files", () => {
  test('come compressed, and only once', async () => {
    const page = await send('/playground', {});
    const file = /"(?:playground\/)?(main[^"]*\.js)"/.exec(page.body.toString())![1]!;
    const first = await send(`/playground/${file}`, { 'accept-encoding': 'gzip' });
    expect(first).toMatchObject({
      status: 200,
      headers: { 'content-encoding': 'gzip', etag: expect.any(String) },
    });
    const again = await send(`/playground/${file}`, {
      'accept-encoding': 'gzip',
      'if-none-match': String(first.headers.etag),
    });
    expect(again).toMatchObject({ status: 304 });
    expect(again.body).toHaveLength(0);
  });
});

test('a connection is kept for the next request, longer than proxies keep theirs', async () => {
  const { headers } = await send('/health/live', { connection: 'keep-alive' });
  expect(Number(/timeout=(\d+)/.exec(String(headers['keep-alive']))![1])).toBeGreaterThan(60);
});
