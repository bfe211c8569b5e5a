import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let secret: string;
let client: Client;
/** Bots by the number of their documents. */
let bots: Record<number, string>;

beforeAll(async () => {
  gateway = await startTestGateway({ env: { WEAVER_MAX_ROWS_IN_FLIGHT: '100' } });
  const tenant = await gateway.world.tenant();
  secret = (await tenant.key({ scopes: ['read', 'write'] })).secret;
  client = gateway.client(secret);
  bots = {};
  for (const documents of [40, 41, 60]) {
    const bot = await tenant.bot();
    for (let nth = 0; nth < documents; nth += 1) await bot.document();
    bots[documents] = bot.id;
  }
});
afterAll(() => gateway.close());

/** Reads this many rows. */
const read = (...counts: number[]): Promise<Answer> => {
  const lists = counts.map(
    (count, nth) => `l${nth}: bot(id: "${bots[count]}") { documents(first: 100) { nodes { id } } }`,
  );
  return client.query(`{ ${lists.join(' ')} }`);
};
const served = { status: 200, errors: undefined };
const refusal = {
  message: expect.stringMatching(/Other operations are reading too many rows/),
  extensions: { code: 'UNAVAILABLE', retryAfterMs: 1_000, requestId: expect.any(String) },
};

/** An operation that has read sixty rows and is kept from its end until `letGo` is called. */
async function holdSixty(
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
    updateBot(input: { id: "${bots[60]}", name: "Sixty" })
      { bot { documents(first: 100) { nodes { id } } } }
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

test('an operation is served with as many rows as all may hold, but no more', async () => {
  expect(await read(60, 40)).toMatchObject(served);
  // One statement reads both lists.
  expect((await read(60, 41)).errors).toMatchObject([refusal, refusal]);
  await expect.poll(() => read(60, 40)).toMatchObject(served);
});

test('what others hold is not there, until they are answered', async () => {
  const { letGo, answer } = await holdSixty();
  expect(await read(40)).toMatchObject(served);
  const refused = await read(41);
  expect(refused).toMatchObject({ status: 503, data: undefined, errors: [refusal] });
  expect(refused.headers.get('retry-after')).toBe('1');
  letGo();
  expect(await (await answer).json()).not.toHaveProperty('errors');
  await expect.poll(() => read(60, 40)).toMatchObject(served);
});

test('what others hold is there again when their callers have gone', async () => {
  const gone = new AbortController();
  const { letGo } = await holdSixty(gone.signal);
  expect((await read(41)).status).toBe(503);
  gone.abort();
  await expect.poll(() => read(60, 40)).toMatchObject(served);
  letGo();
});
