import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey } from '../../../src/api-keys/key-format.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

const SMALL = 10_000;
const LARGE = 1_000_000;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  gateway = await startTestGateway({
    env: {
      WEAVER_MAX_ANONYMOUS_BODY_BYTES: String(SMALL),
      WEAVER_MAX_BODY_BYTES: String(LARGE),
      WEAVER_MAX_BODY_BYTES_IN_FLIGHT: String(LARGE),
    },
  });
  key = (await (await gateway.world.tenant()).key()).secret;
});
afterAll(() => gateway.close());

/** An operation in exactly so many bytes. */
function body(bytes: number): string {
  const empty = JSON.stringify({ query: '{ __typename }', variables: { text: '' } });
  return JSON.stringify({
    query: '{ __typename }',
    variables: { text: 'x'.repeat(bytes - empty.length) },
  });
}

async function send(
  bytes: number,
  headers: Record<string, string> = {},
  announced = true,
): Promise<[number, any]> {
  const text = body(bytes);
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: announced ? text : new Blob([text]).stream(),
    duplex: 'half',
  } as RequestInit);
  return [response.status, await response.json()];
}

const refused = (limit: number, words = '') => [
  413,
  {
    errors: [
      {
        message: `The request body is larger than the limit of ${limit} bytes${words}.`,
        extensions: { code: 'BAD_USER_INPUT', requestId: expect.any(String) },
      },
    ],
  },
];
const UNKNOWN = ' for requests without a valid token';

describe.each([
  ['announced', true],
  ['unannounced', false],
])('an %s body', (_, announced) => {
  test('is small for callers without a token', async () => {
    expect(await send(SMALL + 1, {}, announced)).toEqual(refused(SMALL, UNKNOWN));
    expect(await send(SMALL, {}, announced)).toMatchObject([
      200,
      { data: { __typename: 'Query' } },
    ]);
  });

  test('is larger for those with one', async () => {
    expect(await send(LARGE, { 'x-api-key': key }, announced)).toMatchObject([
      200,
      { data: { __typename: 'Query' } },
    ]);
    expect(await send(LARGE + 1, { 'x-api-key': key }, announced)).toEqual(refused(LARGE));
  });

  test('from a caller whose token is not accepted is refused for that', async () => {
    for (const token of [newKey().secret, 'wrong'])
      expect(await send(SMALL + 1, { 'x-api-key': token }, announced)).toMatchObject([
        401,
        { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
      ]);
  });
});

/**
 * Sends the head of a request and so much of its body, and gives the connection and what comes
 * back.
 */
function begin(
  length: number,
  sent: number,
  token?: string,
): { socket: ReturnType<typeof connect>; answer: Promise<string> } {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  const answer = new Promise<string>(resolve => {
    socket
      .setEncoding('utf8')
      .on('data', chunk => {
        received += chunk;
        if (received.includes('}]}')) resolve(received);
      })
      .on('error', () => {})
      .on('close', () => resolve(received));
  });
  socket.write(
    'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: ' +
      `application/json\r\n${token ? `x-api-key: ${token}\r\n` : ''}content-length: ` +
      `${length}\r\n\r\n${'x'.repeat(sent)}`,
  );
  return { socket, answer };
}

describe('a sender', () => {
  test('that announces too much is refused before it sends any, and is disconnected', async () => {
    const { answer } = begin(SMALL + 1, 0);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [^]*connection: close/);
  });

  test('whose token is wrong is refused before it sends any, and is disconnected', async () => {
    const { answer } = begin(SMALL + 1, 0, newKey().secret);
    expect(await answer).toMatch(/^HTTP\/1\.1 401 [^]*connection: close/);
  });

  test('that announces more than anyone may is refused before a look at its token', async () => {
    const seen: string[] = [];
    gateway.db.database.onStatement = ({ name }) => void seen.push(name);
    const { answer } = begin(LARGE + 1, 0, key);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
    gateway.db.database.onStatement = () => {};
    expect(seen).toEqual([]);
  });

  test('that is slow holds what it has sent; all together hold no more than there is', async () => {
    const slow = [begin(LARGE, 600_000, key), begin(LARGE, 300_000, key)];
    await new Promise(resolve => setTimeout(resolve, 300));
    const { answer } = begin(LARGE, 200_000, key);
    expect(await answer).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1[^]*UNAVAILABLE/);
    expect(await send(SMALL), 'small ones go on').toMatchObject([200, {}]);
    for (const { socket } of slow) socket.destroy();
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(await send(LARGE, { 'x-api-key': key })).toMatchObject([200, {}]);
  });
});
