import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloServer } from '@apollo/server';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { OPERATOR_TOKEN, testConfig } from '../../support/config.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { collectLog } from '../../support/log-lines.js';
import {
  stalls,
  serviceConfig,
  startOpenAiServer,
  type OpenAiServer,
} from '../../support/openai-server.js';
import { until } from '../../support/row-locks.js';
import { World, type TenantWorld } from '../../support/world.js';

// The first request with a document goes through Apollo Server. The next one with the same document
// does not, and nothing else may be different: each request here is sent twice, and the two answers
// are compared to the byte, with their headers and what the log says of them.

const folder = mkdtempSync(join(tmpdir(), 'weaver-known-'));
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const TRUSTED =
  'query Trusted($id: ID!, $more: Boolean = false) { bot(id: $id) { name config ' +
  '@include(if: $more) } }';
const MANIFEST = join(folder, 'manifest.json');
writeFileSync(MANIFEST, JSON.stringify({ [digest(TRUSTED)]: TRUSTED, 'bot-1': TRUSTED }));

const log = collectLog();
const byApollo = vi.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');

let db: TestDatabase;
let embeddings: OpenAiServer;
let gateway: Gateway;
/** One whose operations may take a moment only. */
let hasty: Gateway;
let tenant: TenantWorld;
let other: TenantWorld;
/** Tokens by the names that requests below call them. */
const tokens: Record<string, string> = { operator: OPERATOR_TOKEN };
let bot: string;
let document: string;

const LIMITS = {
  WEAVER_MAX_COST: '2000',
  WEAVER_MAX_ANSWER_BYTES: '600000',
  WEAVER_MAX_ROWS: '100',
  WEAVER_MAX_LIST_ITEMS: '1536',
  WEAVER_TRUSTED_DOCUMENTS: MANIFEST,
};

beforeAll(async () => {
  db = await openTestDatabase();
  embeddings = await startOpenAiServer();
  embeddings.always(stalls());
  const start = (env: Record<string, string>): Promise<Gateway> =>
    startGateway({
      config: {
        ...testConfig({ ...LIMITS, ...env }),
        embedder: serviceConfig(embeddings, { concurrency: 5, batchSize: 10 }),
      },
      database: db.database,
      log: log.log,
    });
  gateway = await start({});
  hasty = await start({ WEAVER_MAX_OPERATION_MS: '400' });
  const world = new World(db.database);
  tenant = await world.tenant({ name: 'Ours' });
  other = await world.tenant({ name: 'Theirs' });
  tokens.all = (await tenant.key({ scopes: ['read', 'write', 'search', 'admin'] })).secret;
  tokens.reader = (await tenant.key({ scopes: ['read'] })).secret;
  tokens.searcher = (await tenant.key({ scopes: ['search'] })).secret;
  tokens.slow = (await tenant.key({ rate_limit_rpm: 1 })).secret;
  const made = await tenant.bot({ name: 'Known', config_json: '{"n": 12345678901234567890.5}' });
  bot = made.id;
  const large = await made.document({ filename: 'large.md' });
  document = large.id;
  await large.texts(3);
  const texts = Array.from({ length: 60 }, (_, nth) => ({
    text: `${nth} ${'größer ☂ "text"\n'.repeat(nth < 50 ? 200 : 1_000)}`,
    chunkIndex: 10 + nth,
    embedding: null,
  }));
  await large.chunks(texts);
  for (let nth = 0; nth < 25; nth += 1) await made.document();
}, 240_000);
beforeEach(() => void byApollo.mockClear());
afterAll(async () => {
  await hasty.close();
  await gateway.close();
  await embeddings.close();
  await db.close();
  rmSync(folder, { recursive: true });
});

interface Asked {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** Whose token is sent; none without one. */
  readonly as?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly to?: () => Gateway;
  readonly path?: string;
  readonly body?: string;
}

interface Told {
  readonly status: number | undefined;
  readonly headers: readonly string[];
  readonly body: string;
  readonly log: readonly Record<string, unknown>[];
}

let requests = 0;

/** What one request is told, without what no two are told alike. */
async function ask(
  { method = 'POST', as, headers, to, path = '', body }: Asked,
  id: string,
): Promise<Told> {
  const from = log.lines.length;
  const told = await new Promise<Omit<Told, 'log'>>((resolve, reject) => {
    const sent = httpRequest(
      `${(to?.() ?? gateway).url}/graphql${path}`,
      {
        method,
        agent: false,
        headers: {
          ...(method === 'POST' && { 'content-type': 'application/json' }),
          ...(as && { authorization: `Bearer ${tokens[as]}` }),
          'x-request-id': id,
          ...headers,
        },
      },
      response => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: steadyHeaders(response.rawHeaders),
            body: steadyBody(Buffer.concat(pieces).toString('latin1')),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
  return { ...told, log: await logOf(id, from) };
}

function steadyHeaders(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const changes = /^(?:date|ratelimit|retry-after)$/i.test(raw[at]!) && raw[at] !== 'Retry-After';
    headers.push(`${raw[at]}: ${changes ? raw[at + 1]!.replace(/\d+/g, '#') : raw[at + 1]}`);
  }
  return headers.map(header => (/^date:/i.test(header) ? 'date' : header));
}

/** Without when the minute is over. */
function steadyBody(body: string): string {
  return body.replace(/(?<=RATE_LIMITED","retryAfterMs":)\d+/, '#');
}

/** The log's lines of a request, of which the last one is there when it has ended. */
async function logOf(id: string, from: number): Promise<Record<string, unknown>[]> {
  const lines = (): Record<string, any>[] =>
    log.lines
      .slice(from)
      .map(line => JSON.parse(line) as Record<string, any>)
      .filter(({ requestId }) => requestId === id);
  await until(() => lines().some(({ msg }) => msg === 'request'));
  return lines().map(({ time: _time, ms: _ms, err, ...line }) => ({
    ...line,
    ...(err && { err: { type: err.type, message: err.message, code: err.code } }),
  }));
}

/** Sends a request twice; `twice`: Apollo answers both. */
async function askTwice(asked: Asked, twice = false): Promise<Told> {
  const id = `same-${(requests += 1)}`;
  const first = await ask(asked, id);
  expect(byApollo, 'the first request').toHaveBeenCalledTimes(1);
  const second = await ask(asked, id);
  expect(byApollo, 'the second request').toHaveBeenCalledTimes(twice ? 2 : 1);
  expect(second).toEqual(first);
  return first;
}

const post = (as: string, query: string, variables?: object, operationName?: string): Asked => ({
  as,
  body: JSON.stringify({ query, variables, operationName }),
});

const times = (count: number, text: (nth: number) => string): string =>
  Array.from({ length: count }, (_, nth) => text(nth)).join(' ');

const ID = 'query ($id: ID!) { bot(id: $id) { id name config } }';
const SEARCH =
  'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { score } } }';
const LAST_TEXTS =
  'chunks(first: 40, orderBy: [{ field: CHUNK_INDEX, direction: DESC }]) { nodes { text } }';
const TWO = 'query D { viewer { kind } } mutation E { updateBot(input: {id: "x"}) { bot { id } } }';
const RENAME = 'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { name } } }';
const TOO_MANY = times(12, nth => `$v${nth}: Int!`);

/** Name, request, status, what the body holds. */
type Case = readonly [name: string, asked: () => Asked, status: number, body: string];

const CASES: Case[] = [
  ['a point read', () => post('all', ID, { id: bot }), 200, '"name":"Known"'],
  ['a read by the operator', () => post('operator', ID, { id: bot }), 200, '"name":"Known"'],
  [
    'an id of nobody',
    () => post('all', ID, { id: '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10' }),
    200,
    '{"data":{"bot":null}}',
  ],
  [
    'lists in lists',
    () =>
      post(
        'all',
        'query Lists { bots { totalCount nodes { name documents(first: 2) { nodes { ' +
          'filename chunks(first: 1) { nodes { chunkIndex } } } pageInfo { hasNextPage } } } } }',
      ),
    200,
    '"hasNextPage"',
  ],
  [
    'fragments and aliases',
    () =>
      post(
        'all',
        'query ($id: ID!) { a: bot(id: $id) { ...F } b: bot(id: $id) { ...F ... on Bot { ' +
          'label: name } } } fragment F on Bot { __typename id }',
        { id: bot },
      ),
    200,
    '"label":"Known"',
  ],
  [
    'a condition that holds',
    () =>
      post(
        'all',
        'query ($id: ID!, $x: Boolean!) { bot(id: $id) { id name @include(if: $x) config ' +
          '@skip(if: $x) } }',
        { id: bot, x: true },
      ),
    200,
    '"name":"Known"',
  ],
  [
    'a condition that does not hold',
    () =>
      post(
        'all',
        'query ($id: ID!, $x: Boolean! = false) { bot(id: $id) { id name @include(if: ' +
          '$x) config @skip(if: $x) } } # again',
        { id: bot },
      ),
    200,
    '"config"',
  ],
  [
    'one of two operations',
    () => post('all', 'query A { viewer { kind } } query B { __typename }', {}, 'B'),
    200,
    '{"data":{"__typename":"Query"}}',
  ],
  [
    'no operation by that name',
    () => post('all', 'query A { viewer { kind } }', {}, 'C'),
    400,
    'Unknown operation named',
  ],
  [
    'two operations and no name',
    () => post('all', 'query A { viewer { kind } } query C { __typename }'),
    400,
    'Must provide operation name',
  ],
  ['a variable that is missing', () => post('all', ID, {}), 400, 'of required type'],
  ['a variable of a wrong type', () => post('all', ID, { id: { a: 1 } }), 400, 'invalid value'],
  ['no variables that could be an id', () => post('all', ID, { id: 'x' }), 200, '"field"'],
  [
    'more mistakes in variables than are told',
    () =>
      post(
        'all',
        `query (${TOO_MANY}) { bots(first: $v0) { totalCount } ` +
          `${times(11, nth => `a${nth}: bots(first: $v${nth + 1}) { totalCount }`)} }`,
        {},
      ),
    400,
    '$v9',
  ],
  [
    'an explicit null',
    () => post('all', 'query ($n: Int) { bots(first: $n) { totalCount } }', { n: null }),
    200,
    'totalCount',
  ],
  [
    'numbers that doubles do not hold',
    () => ({
      as: 'all',
      body:
        '{"query": "query ($c: JSONObject!) { bots(filter: { config: { contains: $c } }) { ' +
        'nodes { name } } }", "variables": {"c": {"n": 12345678901234567890.5}}}',
    }),
    200,
    '"name":"Known"',
  ],
  [
    'variables with enums, lists and inputs',
    () =>
      post(
        'all',
        'query ($o: [DocumentOrderBy!], $f: DocumentFilter) { documents(first: 3, ' +
          'orderBy: $o, filter: $f) { nodes { filename status } } }',
        { o: [{ field: 'FILENAME', direction: 'DESC' }], f: { filename: { eq: 'large.md' } } },
      ),
    200,
    'large.md',
  ],
  ['a value that no text can hold', () => post('all', ID, { id: 'a\u0000b' }), 400, 'NUL'],
  [
    'a list that is too long',
    () =>
      post('all', 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
        ids: Array.from({ length: 1_537 }, () => bot),
      }),
    400,
    'limit for any list is 1536',
  ],
  [
    'a list that is too long, written out',
    () => post('all', `{ nodes(ids: [${times(1_537, () => `"${bot}"`)}]) { id } }`),
    400,
    'limit for any list is 1536',
  ],
  [
    'too large a cost',
    () => post('all', '{ bots(first: 100) { nodes { documents(first: 100) { nodes { id } } } } }'),
    400,
    'could read',
  ],
  [
    'too large a cost by variables',
    () =>
      post(
        'all',
        'query ($n: Int) { bots(first: $n) { nodes { documents(first: $n) { nodes { id } } } } }',
        { n: 100 },
      ),
    400,
    'could read',
  ],
  [
    'too large a page',
    () => post('all', 'query ($n: Int) { bots(first: $n) { nodes { id } } }', { n: 101 }),
    200,
    'first',
  ],
  [
    'too many rows',
    () =>
      post(
        'all',
        'query { documents(first: 26) { nodes { chunks(first: 70) { nodes { id } } } } ' +
          'b: documents(first: 26) { nodes { id } } }',
      ),
    200,
    '100 rows',
  ],
  [
    'a cursor that is none',
    () => post('all', '{ bots(after: "x") { nodes { id } } }'),
    200,
    'after',
  ],
  [
    'two fields of which one fails',
    () => post('all', '{ viewer { kind } bot(id: "x") { id } }'),
    200,
    '"viewer":{',
  ],
  ['a field that is not for this key', () => post('searcher', ID, { id: bot }), 403, 'FORBIDDEN'],
  [
    'a mutation that is not for this key',
    () => post('reader', RENAME, { input: { id: bot, name: 'No' } }),
    403,
    'updateBot',
  ],
  [
    'a field for the operator',
    () => post('all', '{ auditLog { nodes { id } } tenants { nodes { id } } }'),
    403,
    'FORBIDDEN',
  ],
  [
    'a mutation',
    () => post('all', RENAME, { input: { id: bot, name: 'Known' } }),
    200,
    '"name":"Known"',
  ],
  [
    'a mutation of what is not there',
    () => post('all', RENAME, { input: { id: '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10', name: 'X' } }),
    200,
    'NOT_FOUND',
  ],
  [
    'a mutation with a mistake',
    () => post('all', RENAME, { input: { id: bot, name: '' } }),
    200,
    'BAD_USER_INPUT',
  ],
  ['the schema', () => post('all', getIntrospectionQuery()), 200, '__schema'],
  [
    'the schema in too many places',
    () =>
      post(
        'all',
        '{ a: __schema { queryType { name } } b: __schema { queryType { name } } c: ' +
          '__type(name: "Bot") { name } }',
      ),
    400,
    'more than 2 times',
  ],
  [
    "an answer in GraphQL's own type",
    () => ({
      ...post('all', ID, { id: bot }),
      headers: { accept: 'application/graphql-response+json' },
    }),
    200,
    'Known',
  ],
  [
    'a refusal in JSON, which has the status of success',
    () => ({ ...post('all', ID, { id: 5.5 }), headers: { accept: 'application/json' } }),
    200,
    '"errors"',
  ],
  [
    "a refusal in GraphQL's own type",
    () => ({
      ...post('all', ID, { id: [] }),
      headers: { accept: 'application/graphql-response+json' },
    }),
    400,
    '"errors"',
  ],
  [
    'a key in its own header',
    () => ({ ...post('', ID, { id: bot }), as: undefined, headers: { 'x-api-key': tokens.all! } }),
    200,
    'Known',
  ],
  [
    'extensions that nobody knows',
    () => ({
      as: 'all',
      body: JSON.stringify({ query: ID, variables: { id: bot }, extensions: { trace: true } }),
    }),
    200,
    'Known',
  ],
  [
    'a large answer',
    () =>
      post(
        'all',
        'query ($id: ID!) { document(id: $id) { chunks(first: 45) { nodes { text } } } }',
        { id: document },
      ),
    200,
    'text',
  ],
  [
    'a large answer that is compressed',
    () => ({
      ...post(
        'all',
        'query ($id: ID!) { document(id: $id) { chunks(first: 44) { nodes { text } } } }',
        { id: document },
      ),
      headers: { 'accept-encoding': 'gzip' },
    }),
    200,
    '',
  ],
  [
    'a small answer that could be compressed',
    () => ({ ...post('all', ID, { id: bot }), headers: { 'accept-encoding': 'br' } }),
    200,
    'Known',
  ],
  [
    'an answer that is too large',
    () =>
      post('all', `query ($id: ID!) { document(id: $id) { a: ${LAST_TEXTS} b: ${LAST_TEXTS} } }`, {
        id: document,
      }),
    400,
    '600000 bytes',
  ],
  ['a search without a text', () => post('all', SEARCH, { input: {} }), 200, 'BAD_USER_INPUT'],
  [
    'a search by words',
    () => post('all', SEARCH, { input: { text: 'text', mode: 'KEYWORD' } }),
    200,
    'hits',
  ],
  [
    'a tenant named in a header',
    () => ({ ...post('all', ID, { id: bot }), headers: { 'x-tenant-id': tenant.id } }),
    200,
    'Known',
  ],
  [
    "another tenant's row",
    () => post('all', 'query ($id: ID!) { tenant(id: $id) { name } }', { id: other.id }),
    200,
    '{"data":{"tenant":null}}',
  ],
  [
    'a GET',
    () => ({
      method: 'GET',
      as: 'all',
      path: `?${new URLSearchParams({ query: ID, variables: JSON.stringify({ id: bot }) })}`,
    }),
    200,
    'Known',
  ],
  [
    'a HEAD',
    () => ({
      method: 'HEAD',
      as: 'all',
      path: `?${new URLSearchParams({ query: ID, variables: JSON.stringify({ id: bot }) })}`,
    }),
    200,
    '',
  ],
  [
    'a GET of one operation of two',
    () => ({
      method: 'GET',
      as: 'all',
      path: `?${new URLSearchParams({ query: TWO, operationName: 'D' })}`,
    }),
    200,
    'API_KEY',
  ],
  [
    'a GET that would change something',
    () => ({
      method: 'GET',
      as: 'all',
      path: `?${new URLSearchParams({ query: TWO, operationName: 'E' })}`,
    }),
    405,
    'by POST',
  ],
];

describe('a document that came before is answered as it was the first time:', () => {
  // Known documents of other tests must not be these.
  let round = 0;
  const anew = (asked: Asked): Asked => {
    const mark = ` # ${(round += 1)}`;
    if (asked.body !== undefined) {
      const sent = JSON.parse(asked.body) as { query: string };
      return {
        ...asked,
        body: asked.body.replace(JSON.stringify(sent.query), JSON.stringify(sent.query + mark)),
      };
    }
    const parameters = new URLSearchParams(asked.path);
    parameters.set('query', parameters.get('query') + mark);
    return { ...asked, path: `?${parameters}` };
  };

  test.each(CASES)('%s', async (_, asked, status, body) => {
    const told = await askTwice(anew(asked()));
    expect(told.status, told.body).toBe(status);
    expect(told.body).toContain(body);
  });

  test('an error of ours, which the log explains', async () => {
    await db.asSuperuser('alter table bot_queries rename column answer to reply');
    try {
      const told = await askTwice(
        post('all', '{ viewer { kind } botQueries { nodes { answer } } }'),
      );
      expect(told.body).toContain('Something went wrong on our side');
      expect(told.log.map(({ msg }) => msg)).toEqual(['Unexpected error', 'request']);
    } finally {
      await db.asSuperuser('alter table bot_queries rename column reply to answer');
    }
  });

  test('an operation whose time is over', async () => {
    const asked = {
      ...post('all', SEARCH, { input: { text: 'never embedded' } }),
      to: () => hasty,
    };
    const told = await askTwice(asked);
    expect(told.status).toBe(503);
    expect(told.body).toContain('took longer than the limit of 400 ms');
    expect(told.headers.map(header => header.toLowerCase())).toContain('retry-after: #');
    expect(told.log.map(({ msg }) => msg)).toEqual(['Unavailable', 'request']);
  });

  test('a caller whose requests of the minute are used up', async () => {
    const asked = post('slow', '{ viewer { kind } } # limited');
    await ask(asked, 'use-up');
    const told = [await ask(asked, 'limited'), await ask(asked, 'limited')];
    expect(told[1]).toEqual(told[0]);
    expect(told[0]!.status).toBe(429);
  });

  test('a caller who has gone', async () => {
    const lines: unknown[] = [];
    for (const id of ['gone-1', 'gone-2']) {
      const from = log.lines.length;
      const before = embeddings.requests.length;
      const gone = new AbortController();
      const { body } = post('all', SEARCH, { input: { text: 'nobody waits' } });
      const answer = fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${tokens.all}`,
          'x-request-id': id,
        },
        signal: gone.signal,
        body: body!,
      });
      await until(() => embeddings.requests.length > before);
      gone.abort();
      await answer.catch(() => {});
      lines.push((await logOf(id, from)).map(({ requestId: _requestId, ...line }) => line));
    }
    expect(lines[1]).toEqual(lines[0]);
    expect(lines[0]).toMatchObject([{ msg: 'request', aborted: true }]);
    expect(byApollo.mock.calls.length).toBeLessThanOrEqual(1);
  });
});

describe('what goes through Apollo Server each time is', () => {
  test.each<Case>([
    ['a text that is no document', () => post('all', '{ bots '), 400, 'Syntax Error'],
    ['no operation at all', () => post('all', 'fragment F on Bot { id }'), 400, '"errors"'],
    [
      'a document that is not valid',
      () => post('all', '{ bots { nodes { nothing } } }'),
      400,
      'Cannot query field',
    ],
    [
      'a document that is too large',
      () => post('all', `{ ${times(2_000, nth => `a${nth}: __typename`)} }`),
      400,
      'QUERY_TOO_COMPLEX',
    ],
    ['a request without a token', () => post('', '{ __typename }'), 200, 'Query'],
    [
      'a request without a token for what needs one',
      () => post('', '{ viewer { kind } }'),
      401,
      'needs a token',
    ],
    [
      'a GET that a page could send',
      () => ({ method: 'GET', path: `?${new URLSearchParams({ query: '{ __typename }' })}` }),
      400,
      'CSRF',
    ],
    [
      'a hash of a document',
      () => ({
        as: 'all',
        body: JSON.stringify({
          extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } },
        }),
      }),
      200,
      'PersistedQueryNotSupported',
    ],
    [
      'a document with its hash',
      () => ({
        as: 'all',
        body: JSON.stringify({
          query: '{ __typename }',
          extensions: { persistedQuery: { version: 1, sha256Hash: digest('{ __typename }') } },
        }),
      }),
      200,
      'PersistedQueryNotSupported',
    ],
  ])('%s', async (_, asked, status, body) => {
    const told = await askTwice(asked(), true);
    expect(told.status, told.body).toBe(status);
    expect(told.body).toContain(body);
  });
});

test('a trusted document is known from the start, and answered as its text is', async () => {
  const text = { query: `${TRUSTED} # by its text`, variables: { id: bot, more: true } };
  const byText = await ask({ as: 'all', body: JSON.stringify(text) }, 'trusted');
  expect(byApollo).toHaveBeenCalledTimes(1);
  for (const named of [
    { documentId: 'bot-1' },
    { documentId: digest(TRUSTED) },
    { documentId: `sha256:${digest(TRUSTED)}` },
    { extensions: { persistedQuery: { version: 1, sha256Hash: digest(TRUSTED) } } },
    { query: TRUSTED },
  ]) {
    const { variables } = text;
    const told = await ask({ as: 'all', body: JSON.stringify({ ...named, variables }) }, 'trusted');
    expect(told).toEqual(byText);
  }
  expect(byApollo).toHaveBeenCalledTimes(1);
});
