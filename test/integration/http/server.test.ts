import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { newKey } from '../../../src/api-keys/key-format.js';
import { startGateway } from '../../../src/app.js';
import { OperationReads } from '../../../src/db/operation-reads.js';
import type { Embedder } from '../../../src/embedders/embedder.js';
import { HashingEmbedder } from '../../../src/embedders/hashing-embedder.js';
import { testConfig } from '../../support/config.js';
import { openTestDatabase } from '../../support/database.js';
import { OPERATOR_TOKEN, startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';

let gateway: TestGateway;
const log = collectLog();
/** The beginning of every JWT, and enough to be one. */
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
const METRICS_TOKEN = 'token.of.the.metrics.of-thirty-two';
const SECRET_TEXT = 'a-text-that-only-its-tenant-may-read';

beforeAll(async () => {
  gateway = await startTestGateway({ log: log.log, env: { WEAVER_METRICS_TOKEN: METRICS_TOKEN } });
});
afterEach(() => void vi.restoreAllMocks());
afterAll(() => gateway.close());

const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${OPERATOR_TOKEN}`,
      ...headers,
    },
    body: JSON.stringify(body),
  });

/** Sends bytes as they are, and gives all that comes back until the connection ends. */
function sendRaw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    socket
      .setEncoding('utf8')
      .on('data', chunk => (received += chunk))
      .on('error', reject)
      .on('close', () => resolve(received));
    socket.setTimeout(5_000, () => socket.destroy());
  });
}

describe('every answer', () => {
  test.each([
    '/graphql?query=%7B__typename%7D',
    '/nothing',
    '/health/live',
    '/health/ready',
    '/%zz',
    '/playground',
  ])('names its request, keeps its type and says nothing of what made it: %s', async path => {
    const { headers } = await fetch(gateway.url + path);
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    for (const name of ['x-powered-by', 'server', 'via']) expect(headers.get(name)).toBeNull();
  });

  test.each(['trace-42', 'a.b:c_d-e', '0'.repeat(100)])(
    'keeps the id that the request came with: %s',
    async id => {
      const response = await post({ query: '{' }, { 'x-request-id': id });
      expect(response.headers.get('x-request-id')).toBe(id);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { requestId: id } }] });
    },
  );

  test.each(['a b', '<script>', '"}{"level":60', '0'.repeat(101), 'ümläut', '../../etc', ''])(
    'replaces an id that could be something else: %s',
    async id => {
      const response = await post(
        { query: '{' },
        { 'x-request-id': Buffer.from(id).toString('latin1') },
      );
      expect(response.headers.get('x-request-id')).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/,
      );
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { requestId: response.headers.get('x-request-id') } }],
      });
    },
  );

  test('replaces an id that was sent twice', async () => {
    const answer = await sendRaw(
      'GET /nothing HTTP/1.1\r\nhost: x\r\nx-request-id: one\r\nx-request-id: ' +
        'two\r\nconnection: close\r\n\r\n',
    );
    expect(/x-request-id: (\S+)/.exec(answer)![1]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a path where nothing is', () => {
  test.each([
    '/nothing',
    '/graphql/',
    '/graphql/more',
    '/GraphQL',
    '/health',
    '/.env',
    '/playground/../../package.json',
    '/playground//etc/passwd',
    '/playground/assets/',
    '/playground/a%00b',
    '/playground/..%5c..%5c.env',
    '/constructor',
  ])('is 404 with an error as everywhere: %s', async path => {
    for (const method of ['GET', 'POST']) {
      const response = await fetch(gateway.url + path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(method === 'POST' && { body: '{}' }),
      });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({
        errors: [
          {
            message: expect.stringContaining('/graphql'),
            extensions: { code: 'NOT_FOUND', requestId: response.headers.get('x-request-id') },
          },
        ],
      });
    }
  });
});

describe('what is no request', () => {
  test.each([
    [
      'a path that cannot be decoded',
      'GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      400,
    ],
    [
      'headers beyond measure',
      `GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${'A'.repeat(40_000)}\r\n\r\n`,
      431,
    ],
    ['no HTTP at all', 'HELO weaver\r\n\r\n', 400],
    [
      'two lengths',
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}',
      400,
    ],
  ])('is answered in the same shape: %s', async (_, bytes, status) => {
    const answer = await sendRaw(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toEqual({
      errors: [
        {
          message: expect.any(String),
          extensions: { code: 'BAD_USER_INPUT', requestId: expect.any(String) },
        },
      ],
    });
    expect(answer).not.toMatch(/stack|\.js|FST_ERR/);
  });
});

describe('an error that nobody foresaw', () => {
  const hidden = (requestId: unknown): object => ({
    message: 'Something went wrong on our side. Please report the request id.',
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
  });

  /** The log's entries about errors since `from`. */
  const errorsSince = (from: number): Record<string, any>[] =>
    log
      .entries()
      .slice(from)
      .filter(entry => entry.level >= 50);

  test.each([
    ['in a resolver', { query: '{ viewer { kind } bots { totalCount } }' }, 200],
    ['in a look-up of a key', { query: '{ viewer { kind } }' }, 500],
  ])(
    '%s is one sentence for the caller, and all of it for the log',
    async (where, body, status) => {
      const from = log.lines.length;
      vi.spyOn(OperationReads.prototype, 'query').mockRejectedValue(
        Object.assign(new TypeError('Cannot read properties of undefined'), {
          params: [SECRET_TEXT],
          detail: SECRET_TEXT,
        }),
      );
      const response = await post(
        body,
        where === 'in a resolver' ? {} : { authorization: `Bearer ${newKey().secret}` },
      );
      const answer = (await response.json()) as { errors: object[] };
      expect(response.status).toBe(status);
      expect(answer.errors).toMatchObject([hidden(response.headers.get('x-request-id'))]);
      expect(JSON.stringify(answer)).not.toMatch(/properties|TypeError|stack|\.[jt]s/);

      const [entry, ...others] = errorsSince(from);
      expect(others).toEqual([]);
      expect(entry).toMatchObject({
        msg: 'Unexpected error',
        requestId: response.headers.get('x-request-id'),
      });
      expect(JSON.stringify(entry)).toMatch(
        /Cannot read properties of undefined.*server\.test\.ts/,
      );
      expect(log.lines.join('')).not.toContain(SECRET_TEXT);
    },
  );

  test('in writing an answer is treated like any other', async () => {
    const from = log.lines.length;
    const write = JSON.stringify;
    vi.spyOn(JSON, 'stringify').mockImplementation((value: any, ...others: any[]) => {
      if (value?.data?.viewer) throw new RangeError('Invalid string length');
      return write(value, ...others);
    });
    const response = await post({ query: '{ viewer { kind } }' });
    expect([response.status, await response.json()]).toEqual([
      500,
      { errors: [hidden(response.headers.get('x-request-id'))] },
    ]);
    expect(errorsSince(from)).toMatchObject([
      {
        msg: 'Unexpected error',
        requestId: response.headers.get('x-request-id'),
        err: { type: 'RangeError', message: 'Invalid string length' },
      },
    ]);
  });

  test('in health is only said to be unavailable', async () => {
    vi.spyOn(gateway.db.database, 'ping').mockRejectedValue(new Error(SECRET_TEXT));
    const response = await fetch(`${gateway.url}/health/ready`);
    expect([response.status, await response.json()]).toEqual([503, { status: 'unavailable' }]);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
  });

  test('is hidden whatever NODE_ENV says', async () => {
    const before = process.env.NODE_ENV;
    const db = await openTestDatabase();
    try {
      for (const value of ['production', 'development', undefined]) {
        if (value === undefined) delete process.env.NODE_ENV;
        else process.env.NODE_ENV = value;
        const own = await startGateway({
          config: testConfig(),
          database: db.database,
          log: collectLog().log,
        });
        const ask = async (query: string, headers = {}): Promise<[number, any]> => {
          const response = await fetch(`${own.url}/graphql`, {
            method: 'POST',
            headers: {
              'content-type': 'application/json',
              authorization: `Bearer ${OPERATOR_TOKEN}`,
              ...headers,
            },
            body: JSON.stringify({ query }),
          });
          return [
            response.status,
            JSON.parse((await response.text()).replace(/"requestId":"[^"]+"/g, '"requestId":"r"')),
          ];
        };
        vi.spyOn(OperationReads.prototype, 'query').mockRejectedValue(new TypeError('Cannot read'));
        expect(await ask('{ bots { totalCount } }'), value).toMatchObject([
          200,
          { data: null, errors: [{ ...hidden('r'), path: ['bots'] }] },
        ]);
        expect((await ask('{ nothing }'))[0], value).toBe(400);
        expect(
          (await ask('{ __schema { queryType { name } } }', { authorization: '' }))[1],
          value,
        ).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
        vi.restoreAllMocks();
        await own.close();
      }
    } finally {
      process.env.NODE_ENV = before;
      await db.close();
    }
  });
});

describe('the log', () => {
  /** The entries about one request. */
  async function entriesOf(work: (id: string) => Promise<unknown>): Promise<Record<string, any>[]> {
    const id = `log-${Math.random().toString(36).slice(2)}`;
    await work(id);
    await vi.waitFor(() => expect(log.entries().some(entry => entry.requestId === id)).toBe(true));
    return log.entries().filter(entry => entry.requestId === id);
  }

  test.each([
    [
      'a query',
      200,
      (id: string) =>
        post(
          {
            query: `{ bots(filter: { name: { eq: "${SECRET_TEXT}" } }) { totalCount } }`,
            variables: { text: SECRET_TEXT },
          },
          { 'x-request-id': id },
        ),
    ],
    [
      'a query that fails',
      400,
      (id: string) =>
        post({ query: `{ ${SECRET_TEXT.replaceAll('-', '_')} }` }, { 'x-request-id': id }),
    ],
    [
      'a body that is none',
      400,
      (id: string) =>
        fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-request-id': id },
          body: SECRET_TEXT,
        }),
    ],
  ])('has one line for %s, without anything of what was asked', async (_, status, work) => {
    expect(await entriesOf(work)).toEqual([
      {
        level: 30,
        time: expect.any(String),
        requestId: expect.any(String),
        method: 'POST',
        path: '/graphql',
        status,
        ms: expect.any(Number),
        msg: 'request',
      },
    ]);
  });

  test('has the path of a GET without its parameters', async () => {
    const [entry] = await entriesOf(id =>
      fetch(`${gateway.url}/graphql?query=${SECRET_TEXT}&token=${OPERATOR_TOKEN}`, {
        headers: { 'x-request-id': id },
      }),
    );
    expect(entry).toMatchObject({ method: 'GET', path: '/graphql', status: 400 });
  });

  test.each([
    ['/graphql', '/graphql'],
    ['/health/live', '/health/live'],
    ['/playground/main.js', '/playground/main.js'],
    ['/playground/main-ABCDEFGH.js', '/playground/…'],
    ['/graphql/KEY', '/graphql/…'],
    ['/KEY/graphql', '/…/graphql'],
    ['/api/v1/users/ada@example.com', '/…/…/…/…'],
    ['/KEY', '/…'],
    ['/%67raphql/%zz', '/…/…'],
    ['/health;KEY', '/…'],
    [`/${'a/'.repeat(2_000)}`, '/…/…/…/…/…/…/…/…'],
  ])('has of the path %s only words of our own routes', async (path, logged) => {
    for (const secret of [newKey().secret, OPERATOR_TOKEN, JWT]) {
      const [entry] = await entriesOf(id =>
        fetch(gateway.url + path.replace('KEY', secret), {
          headers: {
            'x-request-id': id,
            referer: `${gateway.url}/${secret}`,
            'user-agent': secret,
            origin: `https://${secret}.example.com`,
          },
        }),
      );
      expect(entry!.path).toBe(logged);
      expect(log.lines.join('')).not.toContain(secret);
    }
  });

  test('has no secret that somebody sends as the id of the request', async () => {
    const key = newKey().secret;
    for (const secret of [
      key,
      key.toUpperCase(),
      key.slice(0, 12),
      `id-${key}`,
      JWT,
      OPERATOR_TOKEN,
      OPERATOR_TOKEN.slice(0, -1),
      OPERATOR_TOKEN.slice(3, 30),
      METRICS_TOKEN,
      `id:${METRICS_TOKEN}`,
      'opaque-token-of-this-request',
    ]) {
      const response = await post(
        { query: '{' },
        {
          'x-request-id': secret,
          ...(secret.startsWith('opaque') && { authorization: `Bearer ${secret}` }),
        },
      );
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      await vi.waitFor(() =>
        expect(log.lines.join('')).toContain(response.headers.get('x-request-id')),
      );
      expect(log.lines.join('')).not.toContain(secret);
    }
  });

  test('has one line for an unreadable path, and one for a request nobody awaits', async () => {
    expect(
      await entriesOf(id => fetch(`${gateway.url}/%zz`, { headers: { 'x-request-id': id } })),
    ).toMatchObject([{ status: 400 }]);
    const aborted = await entriesOf(async id => {
      const gone = new AbortController();
      const release = holdReads();
      const request = fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        signal: gone.signal,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${OPERATOR_TOKEN}`,
          'x-request-id': id,
        },
        body: JSON.stringify({ query: '{ bots { totalCount } }' }),
      });
      await release.waiting;
      gone.abort();
      await request.catch(() => {});
      await vi.waitFor(() =>
        expect(log.entries().some(entry => entry.requestId === id)).toBe(true),
      );
      release.go();
      await new Promise(resolve => setTimeout(resolve, 50));
    });
    expect(aborted).toMatchObject([
      { msg: 'request', method: 'POST', path: '/graphql', aborted: true },
    ]);
  });

  /** Makes reads wait until told to go on. */
  function holdReads(): { waiting: Promise<void>; go(): void } {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    vi.spyOn(OperationReads.prototype, 'query').mockImplementation(async () => {
      asked.resolve();
      await told.promise;
      return [];
    });
    return { waiting: asked.promise, go: told.resolve };
  }

  test('never has a token, a text of a tenant or a document in it', () => {
    const all = log.lines.join('');
    for (const secret of [
      OPERATOR_TOKEN,
      SECRET_TEXT,
      SECRET_TEXT.replaceAll('-', '_'),
      'totalCount',
      'wvr_',
    ])
      expect(all.includes(secret), secret).toBe(false);
    for (const line of log.lines) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe('an operation', () => {
  test('learns that its caller has gone, and not that the request has been read', async () => {
    const seen: AbortSignal[] = [];
    const embedding = Promise.withResolvers<void>();
    vi.spyOn(HashingEmbedder.prototype as Embedder, 'embed').mockImplementation(
      async (_texts, options) => {
        seen.push(options!.signal!);
        await embedding.promise;
        throw new Error('Nobody waits for this.');
      },
    );
    const tenant = await gateway.world.tenant();
    const search = {
      query: `{ searchChunks(input: { text: "x", tenantId: "${tenant.id}" }) { tookMs } }`,
    };
    const gone = new AbortController();
    const request = fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      signal: gone.signal,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_TOKEN}` },
      body: JSON.stringify(search),
    }).catch(() => {});
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(seen[0]!.aborted).toBe(false);
    gone.abort();
    await request;
    await vi.waitFor(() => expect(seen[0]!.aborted).toBe(true));
    embedding.resolve();
  });
});

describe('health', () => {
  test('needs no token, tells nothing, and follows the database', async () => {
    const db = await openTestDatabase();
    const own = await startGateway({
      config: testConfig({ WEAVER_OPERATOR_TOKEN: '' }),
      database: db.database,
      log: collectLog().log,
    });
    const health = async (path: string): Promise<[number, unknown]> => {
      const response = await fetch(`${own.url}/health/${path}`);
      return [response.status, await response.json()];
    };
    expect(await health('live')).toEqual([200, { status: 'ok' }]);
    expect(await health('ready')).toEqual([200, { status: 'ok' }]);
    await db.database.close();
    expect(await health('live')).toEqual([200, { status: 'ok' }]);
    expect(await health('ready')).toEqual([503, { status: 'unavailable' }]);
    const response = await fetch(`${own.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': newKey().secret },
      body: '{"query":"{ viewer { kind } }"}',
    });
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { errors: [{ extensions: { code: 'UNAVAILABLE' } }] },
    ]);
    await own.close();
    await db.close().catch(() => {});
  });
});
