import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client, type Answer } from '../../support/client.js';
import { OPERATOR_TOKEN, testConfig } from '../../support/config.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { isKeyLookUp } from '../../support/gateway.js';
import { World, type TenantWorld } from '../../support/world.js';

const folder = mkdtempSync(join(tmpdir(), 'weaver-trusted-'));
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const file = (name: string, content: unknown): string => {
  writeFileSync(
    join(folder, name),
    typeof content === 'string' ? content : JSON.stringify(content),
  );
  return join(folder, name);
};

const VIEWER = 'query Viewer { viewer { kind } }';
const BOT = 'query Bot($id: ID!) { bot(id: $id) { name } }';
const RENAME =
  'mutation Rename($input: UpdateBotInput!) { updateBot(input: $input) { bot { name } } }';
const COUNT = 'query Count { bots { totalCount } }';
const WEB = file('web.json', {
  [digest(VIEWER)]: VIEWER,
  'bot-1.0': BOT,
  [`sha256:${digest(RENAME)}`]: RENAME,
});
const APOLLO = file('apollo.json', {
  format: 'apollo-persisted-query-manifest',
  version: 1,
  operations: [{ id: digest(COUNT), body: COUNT, name: 'Count', type: 'query' }],
});
file('partner.json', { 'x-partner:count': COUNT });

let db: TestDatabase;
let tenant: TenantWorld;
/** One of two: a tenant begins with one. */
let bot: string;
let key: string;
let bound: string;
let keysFile: string;
const gateways: Gateway[] = [];

async function start(env: Record<string, string>): Promise<Gateway> {
  const gateway = await startGateway({
    config: testConfig(env),
    database: db.database,
    log: createLogger('silent'),
  });
  gateways.push(gateway);
  return gateway;
}

beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await new World(db.database).tenant();
  bot = (await tenant.bot({ name: 'Ada' })).id;
  key = (await tenant.key({ scopes: ['read', 'write'] })).secret;
  const partner = await tenant.key({ scopes: ['read', 'write'] });
  bound = partner.secret;
  keysFile = file('keys.json', { [partner.id]: 'partner.json' });
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
});
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true });
});

const ask = (client: Client, body: object): Promise<Answer> => client.post(JSON.stringify(body));
async function get(
  url: string,
  parameters: Record<string, string>,
  token = key,
): Promise<[number, any]> {
  const response = await fetch(`${url}/graphql?${new URLSearchParams(parameters)}`, {
    headers: { accept: 'application/json', authorization: `Bearer ${token}` },
  });
  return [response.status, await response.json()];
}
const unknown = (requestId: unknown = expect.any(String)): object => ({
  status: 400,
  data: undefined,
  errors: [
    {
      message: 'There is no trusted document with this documentId.',
      extensions: { code: 'BAD_USER_INPUT', field: 'documentId', requestId },
    },
  ],
});

describe('a trusted document', () => {
  test('runs by its id, by POST and by GET, with variables', async () => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENTS: `${WEB},${APOLLO}` });
    const client = new Client(url, key);
    expect(await ask(client, { documentId: 'bot-1.0', variables: { id: bot } })).toMatchObject({
      status: 200,
      data: { bot: { name: 'Ada' } },
    });
    expect(
      await get(url, { documentId: 'bot-1.0', variables: JSON.stringify({ id: bot }) }),
    ).toEqual([200, { data: { bot: { name: 'Ada' } } }]);
    for (const documentId of [digest(COUNT), `sha256:${digest(COUNT)}`])
      expect(await ask(client, { documentId })).toMatchObject({
        data: { bots: { totalCount: 2 } },
      });
    expect(
      await ask(client, {
        documentId: digest(RENAME),
        variables: { input: { id: bot, name: 'Ada' } },
      }),
    ).toMatchObject({ data: { updateBot: { bot: { name: 'Ada' } } } });
  });

  test("is named by Apollo's clients in the way that is theirs", async () => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENTS: APOLLO });
    const extensions = { persistedQuery: { version: 1, sha256Hash: digest(COUNT) } };
    expect(await ask(new Client(url, key), { operationName: 'Count', extensions })).toMatchObject({
      data: { bots: { totalCount: 2 } },
    });
    expect(await get(url, { extensions: JSON.stringify(extensions) })).toEqual([
      200,
      { data: { bots: { totalCount: 2 } } },
    ]);
  });

  test('opens nothing: rules, GET without changes, wrong variables stay as they are', async () => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENTS: WEB });
    const reader = new Client(url, (await tenant.key({ scopes: ['read'] })).secret);
    expect(
      await ask(reader, {
        documentId: digest(RENAME),
        variables: { input: { id: bot, name: 'Eve' } },
      }),
    ).toMatchObject({ status: 403, errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    expect(await ask(new Client(url), { documentId: digest(VIEWER) })).toMatchObject({
      status: 401,
    });
    expect(
      (
        await get(url, {
          documentId: digest(RENAME),
          variables: JSON.stringify({ input: { id: bot, name: 'Eve' } }),
        })
      )[0],
    ).toBe(405);
    expect(await ask(reader, { documentId: 'bot-1.0', variables: { id: 5.5 } })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
  });

  test('that is not there is refused before anything is parsed, wherever it may be', async () => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENTS: WEB });
    const client = new Client(url, key);
    const statements: string[] = [];
    db.database.onStatement = ({ name }) => void statements.push(name);
    for (const documentId of [
      'nothing',
      digest(COUNT),
      '',
      '__proto__',
      'constructor',
      7,
      ['bot-1.0'],
      {},
    ]) {
      const answer = await ask(client, { documentId });
      expect(answer).toMatchObject(unknown(answer.headers.get('x-request-id')));
    }
    db.database.onStatement = () => {};
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.filter(name => !isKeyLookUp(name))).toEqual([]);
    expect((await get(url, { documentId: 'nothing' }))[0]).toBe(400);
    expect(
      (await ask(new Client((await start({})).url, key), { documentId: 'bot-1.0' })).errors,
    ).toMatchObject([
      {
        message: 'This gateway has no trusted documents. Send query instead of documentId.',
        extensions: { code: 'BAD_USER_INPUT', field: 'documentId' },
      },
    ]);
  });

  test('and a text exclude each other', async () => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENTS: WEB });
    const both = { documentId: 'bot-1.0', query: VIEWER };
    expect(await ask(new Client(url, key), both)).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'documentId' } }],
    });
    expect(await get(url, both)).toMatchObject([
      400,
      { errors: [{ extensions: { field: 'documentId' } }] },
    ]);
  });
});

describe('ad-hoc operations', () => {
  const refused = {
    status: 403,
    data: undefined,
    errors: [
      {
        message: expect.stringContaining('Only trusted documents may run here'),
        extensions: { code: 'FORBIDDEN', field: 'query' },
      },
    ],
  };

  test.each([
    ['operator', 200],
    ['nobody', 403],
  ])('can be left to %s', async (who, status) => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENTS: WEB, WEAVER_AD_HOC_OPERATIONS: who });
    const client = new Client(url, key);
    for (const query of [VIEWER, '{ __typename }', '{ this is no document', ''])
      expect(await client.query(query)).toMatchObject(refused);
    expect(await new Client(url).query(getIntrospectionQuery())).toMatchObject(refused);
    expect((await get(url, { query: VIEWER }))[0]).toBe(403);
    expect((await new Client(url, OPERATOR_TOKEN).query(VIEWER)).status).toBe(status);
    expect(await ask(client, { documentId: digest(VIEWER) })).toMatchObject({
      data: { viewer: { kind: 'API_KEY' } },
    });
  });
});

describe('a key that is bound to a manifest', () => {
  test('runs the documents of that one, and nothing else; nobody else runs those', async () => {
    const { url } = await start({
      WEAVER_TRUSTED_DOCUMENTS: WEB,
      WEAVER_TRUSTED_DOCUMENT_KEYS: keysFile,
    });
    const [partner, other] = [new Client(url, bound), new Client(url, key)];
    expect(await ask(partner, { documentId: 'x-partner:count' })).toMatchObject({
      data: { bots: { totalCount: 2 } },
    });
    expect(await ask(partner, { documentId: digest(VIEWER) })).toMatchObject(unknown());
    expect(await partner.query(COUNT)).toMatchObject({
      status: 403,
      errors: [
        {
          message: expect.stringContaining('with this key'),
          extensions: { code: 'FORBIDDEN', field: 'query' },
        },
      ],
    });
    expect(await ask(other, { documentId: 'x-partner:count' })).toMatchObject(unknown());
    expect((await other.query(COUNT)).status).toBe(200);
  });

  test('stays so when its secret is rotated', async () => {
    const { url } = await start({ WEAVER_TRUSTED_DOCUMENT_KEYS: keysFile });
    const [id] = Object.keys(JSON.parse(readFileSync(keysFile, 'utf8')) as object);
    const { rotateApiKey } = await new Client(url, OPERATOR_TOKEN).data(
      'mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { secret } }',
      { input: { id, overlapSeconds: 60 } },
    );
    expect((await new Client(url, rotateApiKey.secret).query(COUNT)).status).toBe(403);
    expect(
      await ask(new Client(url, rotateApiKey.secret), { documentId: 'x-partner:count' }),
    ).toMatchObject({ data: { bots: { totalCount: 2 } } });
  });
});

test('all mistakes of all files are named at the start', async () => {
  const wrong = file('wrong.json', {
    [digest('x')]: VIEWER,
    unparsed: '{ bots',
    'x-web:invalid': '{ bots { nope } viewer { nope } }',
    'md5:1': VIEWER,
    ['sha256:' + 'A'.repeat(64)]: VIEWER,
    schema: 'type A { b: Int }',
  });
  const twice = file('twice.json', {
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [
      { id: 'a', body: VIEWER },
      { id: 'a', body: COUNT },
    ],
  });
  const env = {
    WEAVER_TRUSTED_DOCUMENTS: [
      wrong,
      twice,
      file('other.json', { a: COUNT }),
      file('shape.json', [1]),
      file('no.json', '{'),
      join(folder, 'none.json'),
    ].join(),
    WEAVER_TRUSTED_DOCUMENT_KEYS: file('badkeys.json', { me: WEB }),
  };
  const { message } = await start(env).then(
    () => ({ message: 'started' }),
    (error: Error) => error,
  );
  expect(
    message
      .split('\n')
      .slice(1)
      .map(line => line.replaceAll(folder, '')),
  ).toEqual([
    expect.stringContaining(
      `/wrong.json: the id "${digest('x')}" is not the SHA-256 digest of its document, ` +
        `which is ${digest(VIEWER)}.`,
    ),
    expect.stringMatching(/wrong.json: the id "md5:1" does not consist of letters/),
    expect.stringMatching(/wrong.json: the id "sha256:A+" does not consist of/),
    expect.stringMatching(/wrong.json: the document "unparsed": Syntax Error/),
    expect.stringMatching(
      /wrong.json: the document "x-web:invalid": Cannot query field "nope" on type "BotConnection"/,
    ),
    expect.stringMatching(
      /wrong.json: the document "x-web:invalid": Cannot query field "nope" on type "Viewer"/,
    ),
    expect.stringMatching(
      /wrong.json: the document "schema": The "A" definition is not executable/,
    ),
    expect.stringMatching(/twice.json: the id "a" occurs twice/),
    expect.stringMatching(/other.json: the id "a" names another document/),
    expect.stringMatching(/shape.json is neither/),
    expect.stringMatching(/no.json is not valid JSON/),
    expect.stringMatching(/none.json cannot be read: ENOENT/),
    expect.stringMatching(/badkeys.json is not/),
  ]);
});
