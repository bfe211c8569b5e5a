import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import { OpenAiEmbedder } from '../../../src/embedders/openai-embedder.js';
import type { OpenAiEmbedderConfig, RetryPolicy } from '../../../src/embedders/openai-service.js';
import { describeEmbedder } from '../../contracts/embedder.contract.js';
import * as behaviour from '../../support/openai-server.js';

const KEY = 'sk-not-for-anybodys-eyes';
const QUICK: RetryPolicy = {
  attempts: 3,
  firstDelayMs: 1,
  jitter: () => 1,
  failuresToPause: 5,
  pauseMs: 5_000,
};
let server: behaviour.OpenAiServer;

beforeAll(async () => {
  server = await behaviour.startOpenAiServer({ dimensions: 64 });
});
afterAll(() => server.close());
beforeEach(() => void server.requests.splice(0));

function makeEmbedder(config: Partial<OpenAiEmbedderConfig> = {}, retry = QUICK): OpenAiEmbedder {
  return new OpenAiEmbedder(
    behaviour.serviceConfig(server, {
      apiKey: KEY,
      model: 'test-embedding',
      batchSize: 16,
      timeoutMs: 5000,
      ...config,
    }),
    retry,
  );
}

/** The error that embedding one text ends in. */
async function failure(embedder = makeEmbedder(), signal?: AbortSignal): Promise<AppError> {
  const error = await embedder.embed(['text'], { signal }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: 'UNAVAILABLE' });
  return error as AppError;
}

describeEmbedder('openai', () => makeEmbedder());

describe('OpenAiEmbedder, the request', () => {
  test('is what the protocol asks for, with the key and without a dimension', async () => {
    await makeEmbedder().embed(['one', 'two']);
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/embeddings' });
    expect(request!.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
    });
    expect(request!.body).toEqual({
      model: 'test-embedding',
      input: ['one', 'two'],
      encoding_format: 'float',
    });
  });

  test('asks for a length of vectors only where it is told to', async () => {
    await makeEmbedder({ sendDimensions: true }).embed(['one']);
    expect(server.requests[0]!.body).toEqual({
      model: 'test-embedding',
      input: ['one'],
      encoding_format: 'float',
      dimensions: 64,
    });
  });

  test('has no authorization without a key, and one slash whatever ends the base URL', async () => {
    await makeEmbedder({ apiKey: undefined, baseUrl: `${server.baseUrl}/` }).embed(['one']);
    expect(server.requests[0]!.path).toBe('/v1/embeddings');
    expect(server.requests[0]!.headers).not.toHaveProperty('authorization');
  });

  test('holds at most a batch of texts, in order', async () => {
    const texts = Array.from({ length: 10 }, (_, i) => `text ${i}`);
    await makeEmbedder({ batchSize: 4 }).embed(texts);
    expect(server.requests.map(request => request.body.input)).toEqual([
      texts.slice(0, 4),
      texts.slice(4, 8),
      texts.slice(8),
    ]);
  });

  test('holds nothing that services refuse: no empty text, no half surrogate pair', async () => {
    await makeEmbedder().embed(['', 'a\ud83d']);
    expect(server.requests[0]!.body.input).toEqual([' ', 'a\ufffd']);
  });

  test('is not sent for no texts, nor when the signal is aborted already', async () => {
    await makeEmbedder().embed([]);
    await expect(
      makeEmbedder().embed(['text'], { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(server.requests).toHaveLength(0);
  });
});

describe('OpenAiEmbedder, the answer', () => {
  test('is put in order by its indexes', async () => {
    const texts = ['alpha', 'beta', 'gamma'];
    const expected = await makeEmbedder().embed(texts);
    server.next(behaviour.answers(items => items.toReversed()));
    expect(await makeEmbedder().embed(texts)).toEqual(expected);
  });

  test('is taken in its own order where indexes are left out', async () => {
    const texts = ['alpha', 'beta', 'gamma'];
    const expected = await makeEmbedder().embed(texts);
    server.next(
      behaviour.answers(items =>
        items.map(({ index, ...item }) => (index === 0 ? item : { index, ...item })),
      ),
      behaviour.answers(items => items.map(item => ({ ...item, index: null }))),
    );
    expect(await makeEmbedder().embed(texts)).toEqual(expected);
    expect(await makeEmbedder().embed(texts)).toEqual(expected);
  });

  test('is brought to length 1', async () => {
    server.next(behaviour.answersWithVectors(() => [3, 4]));
    expect(await makeEmbedder({ dimensions: 2 }).embed(['text'])).toEqual([[0.6, 0.8]]);
  });

  test.each<[string, behaviour.Behaviour, RegExp]>([
    ['has too few vectors', behaviour.answers(items => items.slice(1)), /0 vectors for 1 texts/],
    [
      'has too many vectors',
      behaviour.answers(items => [...items, ...items]),
      /2 vectors for 1 texts/,
    ],
    [
      'has an index out of range',
      behaviour.answers(items => items.map(item => ({ ...item, index: 7 }))),
      /index 7 is out of range/,
    ],
    [
      'has vectors of another length',
      behaviour.answersWithVectors(vector => vector.slice(0, 32)),
      /32 numbers instead of the configured 64/,
    ],
    [
      'has a number that is none',
      behaviour.answersWithVectors(([, ...rest]) => [null, ...rest]),
      /else than finite numbers/,
    ],
    [
      'has numbers as strings',
      behaviour.answersWithVectors(vector => vector.map(String)),
      /else than finite numbers/,
    ],
    ['has only zeros', behaviour.answersWithVectors(vector => vector.map(() => 0)), /zero/],
    ['has vectors in base64', behaviour.answersWithVectors(() => 'AACAPwAAgD8='), /embedding/],
    [
      'has a number beyond all bounds',
      behaviour.says(`{"data":[{"index":0,"embedding":[${'1e999,'.repeat(63)}1]}]}`),
      /else than finite numbers/,
    ],
    [
      'has NaN',
      behaviour.says(`{"data":[{"index":0,"embedding":[${'NaN,'.repeat(63)}1]}]}`),
      /not JSON/,
    ],
    ['is not JSON', behaviour.says('<html>Welcome to the proxy</html>'), /not JSON/],
    ['is empty', behaviour.says(''), /not JSON/],
    ['is JSON of another kind', behaviour.says('{"embeddings":[[1]]}'), /data/],
  ])('cannot be used when it %s, and is not asked for again', async (_, answer, detail) => {
    server.next(answer);
    const error = await failure();
    expect(error.message).toBe(
      "The embedding service gave an invalid answer. The gateway's log says why.",
    );
    expect((error.cause as Error).message).toMatch(detail);
    expect(server.requests).toHaveLength(1);
  });

  test('cannot be used when an index comes twice', async () => {
    server.next(behaviour.answers(items => items.map(item => ({ ...item, index: 0 }))));
    await expect(makeEmbedder().embed(['one', 'two'])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: { message: expect.stringContaining('comes twice') },
    });
  });
});

describe('OpenAiEmbedder, when the service fails', () => {
  test.each([408, 409, 429, 500, 502, 503, 504])('tries again after status %d', async status => {
    server.next(behaviour.fails(status), behaviour.fails(status));
    expect(await makeEmbedder().embed(['text'])).toHaveLength(1);
    expect(server.requests).toHaveLength(3);
  });

  test.each([
    ['closes the connection', behaviour.hangsUp()],
    ['closes it in the middle of the answer', behaviour.hangsUpHalfway()],
  ])('tries again when it %s', async (_, fault) => {
    server.next(fault, fault);
    expect(await makeEmbedder().embed(['text'])).toHaveLength(1);
    expect(server.requests).toHaveLength(3);
  });

  test.each([301, 400, 401, 403, 404, 413, 422])(
    'does not try again after status %d',
    async status => {
      server.next(behaviour.fails(status, { location: `${server.baseUrl}/elsewhere` }));
      expect((await failure()).message).toBe(
        "The embedding service refused the request. The gateway's log says why.",
      );
      expect(server.requests).toHaveLength(1);
    },
  );

  test('gives up after three attempts, saying what kind of failure it was', async () => {
    server.next(behaviour.fails(503), behaviour.fails(503), behaviour.fails(503));
    expect((await failure()).message).toBe(
      'The embedding service has an internal error at the moment.',
    );
    expect(server.requests).toHaveLength(3);
    server.next(behaviour.fails(429), behaviour.fails(429), behaviour.fails(429));
    expect((await failure()).message).toBe(
      'The embedding service has too many requests at the moment.',
    );
    server.next(behaviour.hangsUp(), behaviour.hangsUp(), behaviour.hangsUp());
    expect((await failure()).message).toBe('The embedding service cannot be reached.');
  });

  test('says that nobody listens', async () => {
    const gone = await behaviour.startOpenAiServer();
    await gone.close();
    const error = await failure(makeEmbedder({ baseUrl: gone.baseUrl }));
    expect(error.message).toBe('The embedding service cannot be reached.');
    expect(inspect(error)).toContain('ECONNREFUSED');
  });

  test('waits twice as long before the third attempt as before the second', async () => {
    server.next(behaviour.fails(500), behaviour.fails(500));
    await makeEmbedder({}, { ...QUICK, firstDelayMs: 60 }).embed(['text']);
    const [first, second, third] = server.requests.map(request => request.at);
    expect(second! - first!).toBeGreaterThanOrEqual(55);
    expect(third! - second!).toBeGreaterThanOrEqual(115);
  });

  test.each([
    ['in seconds', () => '1'],
    ['as a date', () => new Date(Date.now() + 2000).toUTCString()],
  ])('waits as long as Retry-After asks for %s', async (_, retryAfter) => {
    server.next(behaviour.fails(429, { 'retry-after': retryAfter() }));
    await makeEmbedder().embed(['text']);
    const [first, second] = server.requests.map(request => request.at);
    expect(second! - first!).toBeGreaterThanOrEqual(900);
  });

  test('does not wait for a Retry-After beyond its time, and passes it on', async () => {
    server.next(behaviour.fails(429, { 'retry-after': '30' }));
    const begin = performance.now();
    const error = await failure();
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(error.retryAfterMs).toBe(30_000);
    expect(server.requests).toHaveLength(1);
  });

  test('sends nothing until Retry-After is over: it waits if there is time, or fails', async () => {
    const embedder = makeEmbedder();
    server.next(behaviour.fails(429, { 'retry-after': '30' }));
    await failure(embedder);
    const later = await failure(embedder);
    expect(later.retryAfterMs).toBeGreaterThan(25_000);
    expect(later.retryAfterMs).toBeLessThanOrEqual(30_000);
    expect(server.requests).toHaveLength(1);

    const patient = makeEmbedder({}, { ...QUICK, attempts: 1 });
    server.next(behaviour.fails(429, { 'retry-after': '1' }));
    await failure(patient);
    expect(await patient.embed(['text'])).toHaveLength(1);
    const [, second, third] = server.requests.map(request => request.at);
    expect(third! - second!).toBeGreaterThanOrEqual(900);
  });

  test('believes a Retry-After for a minute at most', async () => {
    server.next(behaviour.fails(503, { 'retry-after': '99999999' }));
    expect((await failure()).retryAfterMs).toBe(60_000);
  });

  test('leaves the service alone after many failures in a row, then lets one try', async () => {
    const embedder = makeEmbedder(
      { timeoutMs: 400 },
      { ...QUICK, attempts: 1, failuresToPause: 3, pauseMs: 200 },
    );
    server.next(behaviour.fails(503), behaviour.hangsUp(), behaviour.stalls());
    for (let n = 0; n < 3; n += 1) await failure(embedder);
    const paused = await failure(embedder);
    expect(paused.message).toBe(
      'The embedding service has failed repeatedly and gets no requests for a moment.',
    );
    expect(paused.retryAfterMs).toBe(200);
    // The log is told why.
    expect((paused.cause as Error).message).toBe('The embedding service did not answer in time.');
    expect(server.requests).toHaveLength(3);

    // The one that tries fares no better, and while it does nobody waits for it.
    await new Promise(resolve => setTimeout(resolve, 250));
    server.next(behaviour.stalls());
    const trying = failure(embedder);
    const begin = performance.now();
    await failure(embedder);
    expect(performance.now() - begin).toBeLessThan(300);
    expect((await trying).message).toBe('The embedding service did not answer in time.');
    expect(server.requests).toHaveLength(4);

    await new Promise(resolve => setTimeout(resolve, 250));
    expect(await embedder.embed(['text'])).toHaveLength(1);
    expect(await embedder.embed(['text'])).toHaveLength(1);
    expect(server.requests).toHaveLength(6);
  });

  test('does not count possible faults of a text, nor callers who go or time out', async () => {
    const embedder = makeEmbedder({}, { ...QUICK, attempts: 1, failuresToPause: 2 });
    const timeIsOver = new AppError('UNAVAILABLE', 'The operation took too long.', {
      retryAfterMs: 1_000,
    });
    for (let n = 0; n < 3; n += 1) {
      for (const status of [400, 500]) {
        server.next(behaviour.fails(status));
        await failure(embedder);
      }
      server.next(behaviour.stalls(), behaviour.stalls());
      await expect(
        embedder.embed(['text'], { signal: AbortSignal.timeout(50) }),
      ).rejects.toMatchObject({
        name: 'TimeoutError',
      });
      const controller = new AbortController();
      setTimeout(() => controller.abort(timeIsOver), 50);
      await expect(embedder.embed(['text'], { signal: controller.signal })).rejects.toBe(
        timeIsOver,
      );
    }
    expect(await embedder.embed(['text'])).toHaveLength(1);
  });

  const later =
    (ms: number): behaviour.Behaviour =>
    (request, response, options) =>
      void setTimeout(() => behaviour.answers()(request, response, options), ms);

  test('lets the batch try to its end without its caller, which changes no pause', async () => {
    for (const [then, isWell] of [
      [behaviour.stalls(), false],
      [later(200), true],
    ] as const) {
      const embedder = makeEmbedder(
        { timeoutMs: 2_000 },
        { ...QUICK, attempts: 1, failuresToPause: 1, pauseMs: 100 },
      );
      server.requests.splice(0);
      server.next(behaviour.fails(503));
      await failure(embedder);
      await new Promise(resolve => setTimeout(resolve, 150));
      server.next(then);
      await expect(
        embedder.embed(['text'], { signal: AbortSignal.timeout(50) }),
      ).rejects.toMatchObject({
        name: 'TimeoutError',
      });
      expect((await failure(embedder)).message).toContain('gets no requests');
      await new Promise(resolve => setTimeout(resolve, 300));
      if (isWell) expect(await embedder.embed(['text'])).toHaveLength(1);
      else expect((await failure(embedder)).message).toContain('gets no requests');
      expect(server.requests).toHaveLength(isWell ? 3 : 2);
    }
  });

  test('is not paused anew by what began before the pause', async () => {
    const embedder = makeEmbedder(
      { timeoutMs: 400 },
      { ...QUICK, attempts: 1, failuresToPause: 1, pauseMs: 100 },
    );
    const controller = new AbortController();
    server.next(behaviour.stalls(), behaviour.stalls(), behaviour.fails(503), later(350));
    const slow = embedder.embed(['slow']).catch((error: unknown) => error);
    const left = embedder
      .embed(['left'], { signal: controller.signal })
      .catch((error: unknown) => error);
    await expect.poll(() => server.requests.length).toBe(2);
    await failure(embedder);
    await new Promise(resolve => setTimeout(resolve, 150));
    const trying = embedder.embed(['trying']);
    await new Promise(resolve => setTimeout(resolve, 50));
    controller.abort(new Error('gone'));
    expect([((await left) as Error).message, ((await slow) as Error).message]).toEqual([
      'gone',
      'The embedding service did not answer in time.',
    ]);
    expect(await trying).toHaveLength(1);
    expect(await embedder.embed(['text'])).toHaveLength(1);
  });

  test('counts failures in a row: any answer between them begins anew', async () => {
    const embedder = makeEmbedder({}, { ...QUICK, attempts: 1, failuresToPause: 2 });
    server.next(...[503, 400, 503, 500, 503].map(status => behaviour.fails(status)));
    for (let n = 0; n < 5; n += 1)
      expect((await failure(embedder)).message).not.toContain('gets no requests');
    expect(await embedder.embed(['text'])).toHaveLength(1);
  });

  test('tells of a Retry-After as long as it lasts, however many ask', async () => {
    const embedder = makeEmbedder({ timeoutMs: 1_000 }, { ...QUICK, failuresToPause: 3 });
    server.next(behaviour.fails(429, { 'retry-after': '30' }));
    for (let n = 0; n < 6; n += 1) {
      const { message, retryAfterMs } = await failure(embedder);
      expect(message).toBe('The embedding service has too many requests at the moment.');
      expect(retryAfterMs).toBeGreaterThan(20_000);
    }
    expect(server.requests).toHaveLength(1);
  });

  test('passes over a Retry-After that it cannot read', async () => {
    server.next(behaviour.fails(503, { 'retry-after': 'soon' }));
    expect(await makeEmbedder().embed(['text'])).toHaveLength(1);
  });

  test.each([
    ['does not answer', behaviour.stalls()],
    ['stops in the middle of its answer', behaviour.stallsHalfway()],
  ])('gives up at the deadline when it %s', async (_, fault) => {
    server.next(fault);
    const begin = performance.now();
    const error = await failure(makeEmbedder({ timeoutMs: 150 }));
    expect(error.message).toBe('The embedding service did not answer in time.');
    expect(performance.now() - begin).toBeLessThan(2000);
    expect(server.requests).toHaveLength(1);
  });

  test("stops with the signal's reason when it is aborted, in and between requests", async () => {
    const reason = new Error('the caller has gone');
    for (const [fault, retry] of [
      [behaviour.stalls(), QUICK],
      [behaviour.fails(503), { ...QUICK, firstDelayMs: 4000 }],
    ] as const) {
      const controller = new AbortController();
      server.next(fault);
      setTimeout(() => controller.abort(reason), 100);
      const begin = performance.now();
      await expect(
        makeEmbedder({}, retry).embed(['text'], { signal: controller.signal }),
      ).rejects.toBe(reason);
      expect(performance.now() - begin).toBeLessThan(2000);
    }
    expect(server.requests).toHaveLength(2);
  });
});

describe('OpenAiEmbedder, the key', () => {
  test('is in no error, though the service repeats it', async () => {
    server.next(behaviour.fails(401));
    const error = await failure();
    const shown = inspect(error, { depth: Infinity, showHidden: true });
    expect(shown).toContain('status 401');
    expect(shown).toContain('Bearer [key]');
    expect(shown).not.toContain(KEY);
  });

  test('is not in the embedder as logs would show it', () => {
    const embedder = makeEmbedder();
    expect(
      inspect(embedder, { depth: Infinity, showHidden: true }) + JSON.stringify(embedder),
    ).not.toContain(KEY);
  });

  test('is not in the error that refuses a key which HTTP cannot carry', () => {
    let error: unknown;
    try {
      makeEmbedder({ apiKey: `${KEY}\nsecond line` });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(KEY);
  });
});
