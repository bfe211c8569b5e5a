import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { estimateTokens } from '../../../src/embedders/batches.js';
import { OpenAiEmbedder } from '../../../src/embedders/openai-embedder.js';
import type { OpenAiEmbedderConfig } from '../../../src/embedders/openai-service.js';
import { TextRefusal } from '../../../src/embedders/text-refusal.js';
import * as behaviour from '../../support/openai-server.js';

// Services that take less in a request than is configured, each as it answers to that.

let server: behaviour.OpenAiServer;
const warnings: unknown[] = [];

beforeAll(async () => {
  server = await behaviour.startOpenAiServer({ dimensions: 64 });
});
afterAll(() => server.close());
beforeEach(() => {
  server.requests.splice(0);
  warnings.splice(0);
  server.always(behaviour.answers());
});

function makeEmbedder(config: Partial<OpenAiEmbedderConfig> = {}): OpenAiEmbedder {
  const log = { warn: (fields: unknown) => void warnings.push(fields), info() {} };
  return new OpenAiEmbedder(
    behaviour.serviceConfig(server, { batchSize: 128, ...config }),
    { attempts: 3, firstDelayMs: 1, jitter: () => 1, failuresToPause: 5, pauseMs: 5_000 },
    log as never,
  );
}

const texts = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `text number ${index}`);
const sizes = (): number[] => server.requests.map(({ body }) => body.input.length);
const failure = (embedder: OpenAiEmbedder, of: readonly string[]): Promise<unknown> =>
  embedder.embed(of).then(
    () => expect.unreachable('It gave vectors.'),
    (error: unknown) => error,
  );

/** What a service with other limits says to `status`, where `refuses` the texts. */
const refusing =
  (refuses: (input: string[]) => boolean, status: number): behaviour.Behaviour =>
  (request, response, options) =>
    (refuses(request.body.input) ? behaviour.fails(status) : behaviour.answers())(
      request,
      response,
      options,
    );

describe('a service that takes fewer texts', () => {
  test.each([
    ['Text Embeddings Inference', 32, 413],
    ['Gemini', 100, 400],
    ['one that takes a single text', 1, 422],
  ])('as %s: gets halves, and from then on what it took', async (_, most, status) => {
    server.always(refusing(input => input.length > most, status));
    const embedder = makeEmbedder();
    const wanted = await makeEmbedder({ batchSize: 1 }).embed(texts(150));
    server.requests.splice(0);
    expect(await embedder.embed(texts(150))).toEqual(wanted);
    const refused = sizes().filter(size => size > most);
    server.requests.splice(0);
    expect(await embedder.embed(texts(150))).toEqual(wanted);
    expect(Math.max(...sizes())).toBeLessThanOrEqual(most);
    expect(refused.length).toBeGreaterThan(0);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ texts: Math.max(...sizes()) });
  });
});

describe('a service that takes fewer tokens', () => {
  test('as OpenAI: a request holds no more of them than is configured', async () => {
    const long = texts(6).map(text => text.padEnd(3_000, ' word'));
    await makeEmbedder({ batchTokens: 2_000 }).embed(long);
    expect(sizes()).toEqual([2, 2, 2]);
    server.requests.splice(0);
    await makeEmbedder({ batchTokens: 100 }).embed(long.slice(0, 2));
    expect(sizes()).toEqual([1, 1]);
  });

  test('less than is configured: gets halves, and from then on no more tokens', async () => {
    const most = 5_000;
    server.always(refusing(input => input.join('').length > most, 400));
    const embedder = makeEmbedder();
    // As many texts are taken where they are short.
    await embedder.embed(texts(128));
    await embedder.embed(texts(20).map(text => text.padEnd(1_000, ' word')));
    server.requests.splice(0);
    await embedder.embed(texts(20).map(text => text.padEnd(1_000, ' word')));
    expect(Math.max(...sizes())).toBeLessThanOrEqual(5);
    server.requests.splice(0);
    await embedder.embed(texts(128));
    expect(sizes()).toEqual([128]);
  });

  test('the estimate counts each sign of a script without an alphabet', () => {
    expect(estimateTokens('abcdef')).toBe(2);
    expect(estimateTokens('退款政策')).toBe(4);
    expect(estimateTokens('abc退款👍')).toBe(4);
    expect(estimateTokens('')).toBe(0);
  });
});

describe('a text that cannot be embedded', () => {
  const bad = 'text number 77';

  test.each([
    ['with 500, as llama.cpp', 500],
    ['with 400, as Ollama', 400],
    ['with 413, as Text Embeddings Inference', 413],
  ])('is named %s, and the size of requests stays', async (_, status) => {
    server.always(refusing(input => input.includes(bad), status));
    const embedder = makeEmbedder();
    const error = await failure(embedder, texts(120));
    expect(error).toBeInstanceOf(TextRefusal);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      index: 77,
      retryAfterMs: undefined,
      message:
        'The embedding service cannot embed the text at index 77, which reads "text number 77". ' +
        'It embeds the others: change this one or leave it out.',
      cause: { message: expect.stringContaining(`status ${status}`) },
    });
    server.requests.splice(0);
    await embedder.embed(texts(60));
    expect(sizes()).toEqual([60]);
  });

  test('is named in its batch, without the prefix', async () => {
    server.always(refusing(input => input.some(text => text.endsWith(bad)), 400));
    const embedder = makeEmbedder({ batchSize: 16, documentPrefix: 'passage: ' });
    expect(await failure(embedder, texts(120))).toMatchObject({ index: 77, text: bad });
  });

  test('is named where its vector is zero and others are not', async () => {
    server.always(
      behaviour.answers(items =>
        items.map((item, index) =>
          index === 2 ? { ...item, embedding: (item.embedding as number[]).map(() => 0) } : item,
        ),
      ),
    );
    expect(await failure(makeEmbedder(), texts(5))).toMatchObject({ index: 2 });
    expect(sizes()).toEqual([5]);
  });

  test.each(['text number 0', 'text number 119'])('is named at an end: %s', async text => {
    server.always(refusing(input => input.includes(text), 500));
    expect(await failure(makeEmbedder(), texts(120))).toMatchObject({ text });
  });

  test.each([
    [400, 1],
    [422, 1],
    [500, 3],
  ])('is not blamed where the service refuses all with %d', async (status, attempts) => {
    server.always(behaviour.fails(status));
    const error = await failure(makeEmbedder(), texts(128));
    expect(error).not.toBeInstanceOf(TextRefusal);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/refused the request|has an internal error/),
    });
    // Two of its texts are sent alone before the service is said to be at fault.
    const sent = (size: number): number[] => Array.from({ length: attempts }, () => size);
    expect(sizes()).toEqual([...sent(128), 1, 1]);
  });

  test.each([502, 503, 504])('a status of an outage, %d, asks for no halves', async status => {
    server.always(behaviour.fails(status));
    await failure(makeEmbedder(), texts(128));
    expect(sizes()).toEqual([128, 128, 128]);
  });
});

describe('the prefix that a model wants', () => {
  test('stands before documents or before what is searched for', async () => {
    const embedder = makeEmbedder({ documentPrefix: 'passage: ', queryPrefix: 'query: ' });
    await embedder.embed(['a text']);
    await embedder.embed(['a question'], { inputType: 'query' });
    expect(server.requests.map(({ body }) => body.input)).toEqual([
      ['passage: a text'],
      ['query: a question'],
    ]);
  });
});

describe('batches of one document', () => {
  test('are sent at the same time in turn, after the first', async () => {
    const waiting: (() => void)[] = [];
    let running = 0;
    let most = 0;
    server.always((request, response, options) => {
      running += 1;
      most = Math.max(most, running);
      const answer = (): void => {
        running -= 1;
        behaviour.answers()(request, response, options);
      };
      // The first is answered at once, the others when all eight have come.
      if (server.requests.length === 1) answer();
      else if (waiting.push(answer) === 8) for (const each of waiting.splice(0)) each();
    });
    const wanted = texts(45);
    const turns: number[] = [];
    const vectors = await makeEmbedder({ batchSize: 5 }).embed(wanted, {
      inTurn: async request => {
        turns.push(turns.length);
        return request();
      },
    });
    expect(most).toBe(8);
    expect(turns).toHaveLength(9);
    server.always(behaviour.answers());
    expect(vectors).toEqual(await makeEmbedder().embed(wanted));
  });

  test('end together where one fails', async () => {
    let gone = 0;
    server.always((request, response, options) => {
      if (server.requests.length === 1) return behaviour.answers()(request, response, options);
      response.on('close', () => void (gone += response.writableEnded ? 0 : 1));
      // Refused once the seven others have come, which get no answer.
      if (server.requests.length === 9) behaviour.fails(401)(request, response, options);
    });
    const error = await makeEmbedder({ batchSize: 5 })
      .embed(texts(45), { inTurn: request => request() })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining('refused the request') });
    await expect.poll(() => gone).toBe(7);
  });
});

describe('an error that the service tells with status 200', () => {
  const says = (body: unknown): behaviour.Behaviour => behaviour.says(JSON.stringify(body));

  test('is tried again where a later try makes sense', async () => {
    server.next(says({ error: { code: 429, message: 'retry after 2 seconds' } }));
    await makeEmbedder().embed(['text']);
    expect(sizes()).toEqual([1, 1]);
  });

  test('is in the log in its own words, and so is an answer of another kind', async () => {
    server.next(says({ error: { code: 401, message: 'no such key' } }));
    expect(await failure(makeEmbedder(), ['text'])).toMatchObject({
      message: expect.stringContaining('refused the request'),
      cause: { message: expect.stringContaining('no such key') },
    });
    server.next(says({ vectors: 'over there' }));
    expect(await failure(makeEmbedder(), ['text'])).toMatchObject({
      cause: { message: expect.stringContaining('over there') },
    });
    server.next(behaviour.says('<html>Welcome to the proxy</html>'));
    expect(await failure(makeEmbedder(), ['text'])).toMatchObject({
      cause: { message: expect.stringContaining('Welcome to the proxy') },
    });
  });
});

test('a quota that is used up is told as that, and nobody is asked to come back', async () => {
  const quota = JSON.stringify({ error: { code: 'insufficient_quota', message: 'pay' } });
  server.next((_, response) =>
    response.writeHead(429, { 'content-type': 'application/json' }).end(quota),
  );
  expect(await failure(makeEmbedder(), ['text'])).toMatchObject({
    message:
      'The embedding service refuses requests because the quota of its account is used up. ' +
      "The gateway's log says why.",
    retryAfterMs: undefined,
  });
  expect(sizes()).toEqual([1]);
});
