import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

/**
 * An operation of a tenant: its client, the secret of its key, and the document whose texts it
 * reads, 1,900,000 bytes.
 */
interface Reader {
  readonly client: Client;
  readonly secret: string;
  readonly documentId: string;
}

let gateway: TestGateway;
let one: Reader;
let other: Reader;

beforeAll(async () => {
  gateway = await startTestGateway({
    env: { WEAVER_MAX_ANSWER_BYTES: '2000000', WEAVER_MAX_ANSWER_BYTES_IN_FLIGHT: '2400000' },
  });
  [one, other] = await Promise.all([reader(), reader()]);
});
afterAll(() => gateway.close());

async function reader(): Promise<Reader> {
  const tenant = await gateway.world.tenant();
  const document = await (await tenant.bot()).document();
  await document.chunks(
    Array.from({ length: 95 }, (_, chunkIndex) => ({
      text: 'x'.repeat(20_000),
      chunkIndex,
      embedding: null,
    })),
  );
  const { secret } = await tenant.key({ scopes: ['read', 'write'] });
  return { client: gateway.client(secret), secret, documentId: document.id };
}

const read = ({ client, documentId }: Reader, first = 95): Promise<Answer> =>
  client.query(
    'query ($id: ID!, $first: Int!) { document(id: $id) { chunks(first: $first) { nodes ' +
      '{ text } } } }',
    { id: documentId, first },
  );
const served = { status: 200, errors: undefined };
const refusal = (message: RegExp): object => ({
  status: 503,
  data: undefined,
  errors: [
    {
      message: expect.stringMatching(message),
      extensions: { code: 'UNAVAILABLE', retryAfterMs: 1_000, requestId: expect.any(String) },
    },
  ],
});

/** An operation that has read the texts and is kept from its end until `letGo` is called. */
async function holdTexts(
  { secret, documentId }: Reader,
  signal?: AbortSignal,
): Promise<{ letGo: () => void; answer: Promise<Response> }> {
  const [entered, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { write } = gateway.db.database;
  gateway.db.database.write = async (name, ...rest) => {
    if (name === 'createBot') {
      entered.resolve();
      await held.promise;
    }
    return write.call(gateway.db.database, name, ...rest) as never;
  };
  const query = `mutation {
    updateDocument(input: { id: "${documentId}", filename: "held.md" })
      { document { chunks(first: 95) { nodes { text } } } }
    createBot(input: { name: "Held" }) { bot { name } }
  }`;
  const answer = fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': secret },
    body: JSON.stringify({ query }),
    ...(signal && { signal }),
  });
  answer.catch(() => {});
  await entered.promise;
  gateway.db.database.write = write;
  return { answer, letGo: held.resolve };
}

test('what operations of a tenant hold is kept from its others until it is answered', async () => {
  const { letGo, answer } = await holdTexts(one);
  const refused = await read(one);
  expect(refused).toMatchObject(refusal(/^Your operations hold too many bytes/));
  expect(refused.headers.get('retry-after')).toBe('1');
  letGo();
  expect(await (await answer).json()).not.toHaveProperty('errors');
  await expect.poll(() => read(one)).toMatchObject(served);
});

test('a tenant leaves room for others, and small operations are always served', async () => {
  const { letGo, answer } = await holdTexts(one);
  expect(await read(other, 50)).toMatchObject(served);
  expect(await read(other)).toMatchObject(refusal(/^The operations of others hold too many bytes/));
  expect(await read(one, 20)).toMatchObject(served);
  letGo();
  await (await answer).json();
  await expect.poll(() => read(other)).toMatchObject(served);
});

test('what others hold is there again when their callers have gone', async () => {
  const gone = new AbortController();
  const { letGo } = await holdTexts(one, gone.signal);
  expect((await read(one)).status).toBe(503);
  gone.abort();
  await expect.poll(() => read(one)).toMatchObject(served);
  letGo();
});
