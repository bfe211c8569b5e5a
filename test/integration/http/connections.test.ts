import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { OperationReads } from '../../../src/db/operation-reads.js';
import { createLimitedServer } from '../../../src/http/connections.js';
import { OPERATOR_TOKEN, startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';
import { exchange, RawConnection } from '../../support/raw-connection.js';

const log = collectLog();
const MAX_BODY = 20_000;
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({
    log: log.log,
    env: {
      WEAVER_MAX_HEADERS_MS: '300',
      WEAVER_MAX_REQUEST_MS: '600',
      WEAVER_MAX_ANSWER_MS: '500',
      WEAVER_MAX_ANONYMOUS_BODY_BYTES: String(MAX_BODY),
    },
  });
});
afterEach(() => void vi.restoreAllMocks());
afterAll(() => gateway.close());

const TOKEN = `authorization: Bearer ${OPERATOR_TOKEN}\r\n`;
const QUERY = '{"query":"{ viewer { kind } }"}';
const post = (body: string, headers = '', length = body.length): string =>
  'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: ' +
  `application/json\r\ncontent-length: ${length}\r\n${headers}\r\n${body}`;

/**
 * Goes on sending a byte at a time, whatever it is told, until the gateway closes the connection.
 * Not so often that 140 of them keep this process from reading their answers in time.
 */
async function dripUntilClosed(connection: RawConnection): Promise<void> {
  const timer = setInterval(() => connection.socket.writable && connection.send('x'), 100);
  await connection.closed;
  clearInterval(timer);
}

const answers = async (): Promise<number> =>
  (
    await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: QUERY,
    })
  ).status;

/** The body of the only answer, in the shape of all errors. */
function errorIn({ received }: RawConnection): unknown {
  return JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4));
}
const REFUSED = {
  errors: [
    {
      message: expect.any(String),
      extensions: { code: 'BAD_USER_INPUT', requestId: expect.any(String) },
    },
  ],
};

describe('slow senders', () => {
  test('lose their connections, all of them, and others are answered meanwhile', async () => {
    const silent = Array.from({ length: 60 }, () => new RawConnection(gateway.url));
    const inHeaders = Array.from({ length: 70 }, () =>
      new RawConnection(gateway.url, { halfOpen: true }).send(
        'POST /graphql HTTP/1.1\r\nhost: x\r\nx-slow: ',
      ),
    );
    const inBodies = Array.from({ length: 70 }, () =>
      new RawConnection(gateway.url, { halfOpen: true }).send(post('{', '', 10_000)),
    );
    const all = [...silent, ...inHeaders, ...inBodies];
    await Promise.all(all.map(({ opened }) => opened));
    const ended = Promise.all([
      ...silent.map(({ closed }) => closed),
      ...[...inHeaders, ...inBodies].map(dripUntilClosed),
    ]);
    expect(await answers()).toBe(200);
    await ended;
    for (const { statuses } of [...inHeaders, ...inBodies]) expect(statuses).toEqual([408]);
    expect(await answers()).toBe(200);
  });

  test('have time for the headers, and more for all of a request', async () => {
    const connection = new RawConnection(gateway.url).send(
      'GET /health/live HTTP/1.1\r\nhost: x\r\n',
    );
    await connection.closed;
    expect([connection.statuses, errorIn(connection)]).toEqual([[408], REFUSED]);
  });
});

describe('a connection that is kept for the next request', () => {
  const EMPTY_LINE = '\r\n';
  test.each([
    ['nothing comes', '', ''],
    ['one empty line comes', EMPTY_LINE, ''],
    ['empty lines keep coming', EMPTY_LINE, EMPTY_LINE],
  ])('is closed where %s', async (_, first, later) => {
    const served = createLimitedServer(
      (_request, response) => void response.end('served'),
      { connections: 10, headersMs: 100, requestMs: 200 },
      log.log,
      300,
    );
    await new Promise<void>(resolve => served.listen(0, '127.0.0.1', resolve));
    const { port } = served.address() as AddressInfo;
    const connection = new RawConnection(`http://127.0.0.1:${port}`).send(
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
    );
    await connection.until('served');
    connection.send(first);
    const timer = setInterval(() => connection.socket.writable && connection.send(later), 50);
    await connection.closed;
    clearInterval(timer);
    served.close();
    expect(connection.statuses).toEqual([200]);
  });

  test('stays while requests come, empty lines before them or not', async () => {
    const connection = new RawConnection(gateway.url);
    for (let nth = 1; nth <= 3; nth += 1) {
      connection.send(`\r\n${post(QUERY, TOKEN)}`);
      await expect.poll(() => connection.statuses).toEqual(Array(nth).fill(200));
    }
    connection.socket.destroy();
  });
});

describe('after the last answer', () => {
  test.each([
    ['what is no HTTP', 400, 'HELO weaver\r\n\r\n'],
    [
      'headers beyond measure',
      431,
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`,
    ],
    ['a request that never ends', 408, 'GET / HTTP/1.1\r\n'],
    ['a body that is too large', 413, post('x', '', MAX_BODY + 1)],
    [
      'a body of another kind',
      415,
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: ' +
        'text/plain\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n',
    ],
    [
      'a body where none is read',
      404,
      'POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-type: ' +
        'application/json\r\ncontent-length: 1000000\r\n\r\n{',
    ],
    [
      'a body with a method that is not taken',
      405,
      'PUT /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: ' +
        'application/json\r\ncontent-length: 1000000\r\n\r\n{',
    ],
  ])('to %s (%i), the connection is closed, though its peer goes on', async (_, status, bytes) => {
    const connection = new RawConnection(gateway.url, { halfOpen: true }).send(bytes);
    await connection.until('\r\n\r\n');
    await dripUntilClosed(connection);
    expect(connection.statuses).toEqual([status]);
    expect(connection.received).toMatch(/connection: close/i);
  });

  test('a peer that is still sending a large body gets to read it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: 'x'.repeat(8_000_000),
      });
      expect([response.status, await response.json()]).toMatchObject([413, REFUSED]);
    }
  });

  test.each([
    [
      'a body that is too large',
      413,
      post(`GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n${'x'.repeat(MAX_BODY)}`),
    ],
    ['a body of another kind', 415, post(QUERY).replace('application/json', 'text/plain')],
    ['a body that is no JSON', 400, post('{')],
  ])(
    'to %s (%i), neither its rest nor what comes behind it is taken for a request',
    async (_, status, bytes) => {
      const { statuses } = await exchange(
        gateway.url,
        `${bytes}GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n${post(QUERY, TOKEN)}`,
      );
      expect(statuses).toEqual([status]);
    },
  );

  test('behind a request that was read, the next one is answered', async () => {
    const connection = new RawConnection(gateway.url).send(
      post(QUERY, TOKEN) + post(QUERY, `${TOKEN}connection: close\r\n`),
    );
    await connection.closed;
    expect(connection.statuses).toEqual([200, 200]);
  });
});

describe('bytes that cannot be read, behind a request that came whole', () => {
  test.each([
    ['behind its body', `${post(QUERY, TOKEN)}stray`],
    [
      'behind its body, and more of them',
      `${post(QUERY, TOKEN)}${'HELO weaver\r\n\r\n'.repeat(1_000)}`,
    ],
    [
      'behind its last chunk',
      `${post(QUERY, TOKEN, -1)
        .replace('content-length: -1', 'transfer-encoding: chunked')
        .replace(QUERY, `${QUERY.length.toString(16)}\r\n${QUERY}\r\n0\r\n\r\n`)}stray`,
    ],
    [
      'where the connection is to be closed',
      `${post(QUERY, `${TOKEN}connection: close\r\n`)}stray`,
    ],
  ])('take nothing from its answer, after which the connection is closed: %s', async (_, bytes) => {
    const { statuses, received } = await exchange(gateway.url, bytes);
    expect(statuses).toEqual([200]);
    expect(received).toContain('{"data":{"viewer":{"kind":"OPERATOR"}}}');
  });

  test('take nothing from the answers to several', async () => {
    const { statuses } = await exchange(
      gateway.url,
      `${post(QUERY, TOKEN)}${post(QUERY, TOKEN)}stray`,
    );
    expect(statuses).toEqual([200, 200]);
  });

  test('are not answered in its place while it is at work', async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<never[]>();
    vi.spyOn(OperationReads.prototype, 'query').mockImplementation(
      () => (asked.resolve(), told.promise),
    );
    const connection = new RawConnection(gateway.url).send(
      post('{"query":"{ bots { totalCount } }"}', TOKEN),
    );
    await asked.promise;
    for (let count = 0; count < 20; count += 1) connection.send('HELO weaver\r\n\r\n');
    expect(await answers()).toBe(200);
    expect(connection.received).toBe('');
    told.resolve([]);
    await connection.closed;
    expect(connection.statuses).toEqual([200]);
  });
});

test('a caller who does not read an answer loses it, and the connection', async () => {
  const file = /"(?:playground\/)?(main[^"]*\.js)"/.exec(
    await (await fetch(`${gateway.url}/playground`)).text(),
  )![1]!;
  const from = log.lines.length;
  // More than the network holds between the two.
  const connection = new RawConnection(gateway.url, { reads: false }).send(
    `GET /playground/${file} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(20),
  );
  const given = (): Record<string, any>[] =>
    log
      .entries()
      .slice(from)
      .filter(({ msg }) => msg === 'request');
  await expect
    .poll(given, { timeout: 10_000 })
    .toContainEqual(expect.objectContaining({ aborted: true }));
  connection.socket.destroy();
});

describe('a transfer coding', () => {
  const chunked = `${QUERY.length.toString(16)}\r\n${QUERY}\r\n0\r\n\r\n`;
  const request = (codings: string, path = '/graphql', version = '1.1'): string =>
    `POST ${path} HTTP/${version}\r\nhost: x\r\n${TOKEN}content-type: ` +
    `application/json\r\n${codings}connection: close\r\n\r\n${chunked}`;

  test.each([
    'gzip, chunked',
    'deflate,chunked',
    'identity, chunked',
    'chunked, chunked',
    'x-unknown , chunked',
  ])(
    'that the gateway cannot take off is refused, and its body not read as if it were plain: %s',
    async coding => {
      for (const bytes of [
        request(`transfer-encoding: ${coding}\r\n`),
        request(`transfer-encoding: ${coding}\r\n`, '/nothing'),
        request(`transfer-encoding: ${coding}\r\n`, '/graphql', '1.0'),
      ]) {
        const connection = await exchange(gateway.url, bytes);
        expect(connection.statuses).toEqual([400]);
        expect(errorIn(connection)).toEqual(REFUSED);
      }
    },
  );

  test('that is named in a header of its own is refused by name', async () => {
    const connection = await exchange(
      gateway.url,
      request('transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n'),
    );
    expect(connection.statuses).toEqual([400]);
    expect(connection.received).toContain('transfer-encoding: gzip, chunked');
  });

  test('of chunks alone is read', async () => {
    for (const name of ['chunked', 'Chunked'])
      expect(
        (await exchange(gateway.url, request(`transfer-encoding: ${name}\r\n`))).statuses,
      ).toEqual([200]);
  });
});

describe('what a request expects and names', () => {
  test('a body that is wanted is asked for', async () => {
    const connection = new RawConnection(gateway.url).send(
      post('', `${TOKEN}expect: 100-continue\r\nconnection: close\r\n`, QUERY.length),
    );
    await connection.until('HTTP/1.1 100 Continue\r\n\r\n');
    connection.send(QUERY);
    await connection.closed;
    expect(connection.statuses).toEqual([100, 200]);
  });

  test('a body that is refused is not', async () => {
    const connection = await exchange(
      gateway.url,
      post('', 'expect: 100-continue\r\n', MAX_BODY + 1),
    );
    expect(connection.statuses).toEqual([413]);
  });

  test.each<[string, number, string]>([
    [
      'another expectation',
      417,
      'GET /health/live HTTP/1.1\r\nhost: x\r\nexpect: miracles\r\nconnection: close\r\n\r\n',
    ],
    ['no host', 400, 'GET /health/live HTTP/1.1\r\nconnection: close\r\n\r\n'],
    ['no host of another version', 400, 'GET /health/live HTTP/2.0\r\nconnection: close\r\n\r\n'],
    ...['a b', 'a/b', 'user@a', 'a:b', 'a, b', '[::1', '%zz', 'gr\u00fcn'].map(
      (host): [string, number, string] => [
        `the host "${host}"`,
        400,
        `GET /health/live HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      ],
    ),
    ['an encoded body', 415, post(QUERY, 'content-encoding: gzip\r\nconnection: close\r\n')],
  ])('%s is refused with %i in the usual shape, and logged', async (_, status, bytes) => {
    const from = log.lines.length;
    const connection = await exchange(gateway.url, bytes);
    expect([connection.statuses, errorIn(connection)]).toEqual([[status], REFUSED]);
    await expect.poll(() => log.entries().slice(from)).toMatchObject([{ msg: 'request', status }]);
  });

  test.each<[string, number[], string]>([
    ['HTTP/1.0 without a host', [200], 'GET /health/live HTTP/1.0\r\n\r\n'],
    ...['', 'a', 'A-b.example.', '127.0.0.1:4000', '[::1]', '[::1]:80', 'a:', 'a_b', '%C3%BC'].map(
      (host): [string, number[], string] => [
        `the host "${host}"`,
        [200],
        `GET /health/live HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      ],
    ),
    [
      'a whole URL as its target',
      [200],
      'GET http://x/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    ],
    [
      'all of the server as its target',
      [404],
      'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    ],
    [
      'another protocol',
      [200],
      'GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: ' +
        'websocket\r\n\r\n',
    ],
    ['a tunnel', [], 'CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a byte that is zero', [400], 'GET /health\0/live HTTP/1.1\r\nhost: x\r\n\r\n'],
    [
      'an encoding that is none in its path',
      [400],
      'GET /%c0%ae%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    ],
    [
      'an encoding that is none in its query',
      [400],
      'GET /graphql?query=%zz%ff HTTP/1.1\r\nhost: x\r\naccept: ' +
        'application/graphql-response+json\r\nx-apollo-operation-name: a\r\nconnection: ' +
        'close\r\n\r\n',
    ],
    ['a very long target', [431], `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
    [
      'a method of WebDAV',
      [404],
      'PROPFIND /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    ],
    ['the preface of HTTP/2', [400], 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('%s gives %j, and nothing that the gateway blames itself for', async (_, statuses, bytes) => {
    const from = log.lines.length;
    const connection = await exchange(gateway.url, bytes);
    expect(connection.statuses).toEqual(statuses);
    expect(
      log
        .entries()
        .slice(from)
        .filter(({ level }) => level >= 40),
    ).toEqual([]);
  });
});

test('connections beyond WEAVER_MAX_CONNECTIONS are closed at once, and logged', async () => {
  const own = collectLog();
  const small = await startTestGateway({ log: own.log, env: { WEAVER_MAX_CONNECTIONS: '3' } });
  try {
    const held = Array.from({ length: 3 }, () => new RawConnection(small.url));
    await Promise.all(held.map(({ opened }) => opened));
    // Each has been heard of.
    for (const connection of held)
      await connection.send('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n').until('ok');
    const refused = await exchange(small.url, 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(refused.received).toBe('');
    expect(own.entries()).toContainEqual(
      expect.objectContaining({
        level: 40,
        msg: expect.stringContaining('WEAVER_MAX_CONNECTIONS'),
        refused: 1,
        limit: 3,
      }),
    );
    held[0]!.socket.destroy();
    await expect
      .poll(
        async () =>
          (
            await exchange(
              small.url,
              'GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
            )
          ).statuses,
      )
      .toEqual([200]);
    for (const { socket } of held) socket.destroy();
  } finally {
    await small.close();
  }
});
