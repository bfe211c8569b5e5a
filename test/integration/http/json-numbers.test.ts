import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseJsonExactly } from '../../../src/base/json.js';
import { OPERATOR_TOKEN, startTestGateway, type TestGateway } from '../../support/gateway.js';
import { joinPatterns } from '../../support/join-patterns.js';
import type { BotWorld, TenantWorld } from '../../support/world.js';

const ZEROS = '0'.repeat(400);
/** As clients write them, and as they must be answered. */
const NUMBERS: [string, string][] = [
  ['750727362669608961', '750727362669608961'],
  ['-9007199254740993', '-9007199254740993'],
  ['0.1234567890123456789012', '0.1234567890123456789012'],
  ['1546130668394913822.5', '1546130668394913822.5'],
  ['1e400', `1${ZEROS}`],
  ['-1.5E-30', '-1.5e-30'],
  ['9007199254740993e0', '9007199254740993'],
  ['123456789012345678901234567890', '123456789012345678901234567890'],
  ['42', '42'],
  ['0.1', '0.1'],
];

const folder = mkdtempSync(join(tmpdir(), 'weaver-numbers-'));
const FIND =
  'query Find($contains: JSONObject) { bots(filter: {config: {contains: $contains}}) { ' +
  'nodes { id } } }';
const FIND_ONE =
  'query FindOne { bots(filter: {config: {contains: {trusted: 9007199254740993}}}) { ' +
  'nodes { config } } }';

let gateway: TestGateway;
let tenant: TenantWorld;
let bot: BotWorld;
let key: string;

beforeAll(async () => {
  writeFileSync(join(folder, 'documents.json'), JSON.stringify({ 'find-one': FIND_ONE }));
  gateway = await startTestGateway({
    env: { WEAVER_TRUSTED_DOCUMENTS: join(folder, 'documents.json') },
  });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  tenant = await gateway.world.tenant();
  bot = await tenant.bot();
  key = (await tenant.key({ scopes: ['read', 'write', 'search', 'ask'] })).secret;
});

interface TextAnswer {
  readonly status: number;
  readonly text: string;
}

/** The answer as it was sent: parsed, it would have lost what is asked here. */
async function send(body: string, token = key): Promise<TextAnswer> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body,
  });
  return { status: response.status, text: await response.text() };
}

async function get(parameters: Record<string, string>): Promise<TextAnswer> {
  const response = await fetch(`${gateway.url}/graphql?${new URLSearchParams(parameters)}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return { status: response.status, text: await response.text() };
}

const ask = (query: string, variables = '{}'): Promise<TextAnswer> =>
  send(`{"query":${JSON.stringify(query)},"variables":${variables}}`);

/** The text of an answer's data, which must have no errors. */
async function dataOf(answer: Promise<TextAnswer>): Promise<string> {
  const { text } = await answer;
  expect(text).not.toContain('"errors"');
  return text;
}

async function refusalOf(
  answer: Promise<TextAnswer>,
): Promise<{ message: string; extensions: { code: string; field?: string } }> {
  const { errors } = JSON.parse((await answer).text);
  expect(errors).toHaveLength(1);
  return errors[0];
}

const asWritten = async (
  column: string,
  table: string,
  where: string,
  parameters: unknown[] = [],
): Promise<string[]> =>
  (
    await gateway.db.asSuperuser<{ text: string }>(
      `select ${column}::text as text from ${table} where ${where}`,
      parameters,
    )
  ).map(row => row.text);

const CREATE =
  'mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { id config } } }';
const UPDATE = 'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { config } } }';

describe('a number in a JSONObject', () => {
  test.each(NUMBERS)(
    'keeps its value from variables, literals and other programs: %s',
    async (number, answered) => {
      const nested = `{"n":${number},"list":[1,[${number}],{"n":${number}}]}`;
      const value = `{"n":${answered},"list":[1,[${answered}],{"n":${answered}}]}`;
      expect(await dataOf(ask(CREATE, `{"input":{"name":"V","config":${nested}}}`))).toContain(
        `"n":${answered}`,
      );
      const literal = nested.replace(/"(\w+)":/g, '$1:');
      expect(
        await dataOf(
          ask(`mutation { createBot(input: {name: "L", config: ${literal}}) { bot { config } } }`),
        ),
      ).toContain(`"n":${answered}`);
      await bot.tenant.bot({ name: 'S', config_json: nested });
      const stored = await asWritten(
        'config_json',
        'bots',
        `tenant_id = ? and name in ('V', 'L', 'S')`,
        [tenant.id],
      );
      expect(stored).toHaveLength(3);
      for (const text of stored)
        expect(JSON.stringify(parseJsonExactly(text))).toBe(
          JSON.stringify(parseJsonExactly(stored[0]!)),
        );
      const same = await gateway.db.asSuperuser<{ same: boolean }>(
        'select bool_and(config_json = ?::jsonb) as same from bots where tenant_id = ? ' +
          "and name in ('V', 'L', 'S')",
        [value, tenant.id],
      );
      expect(same).toEqual([{ same: true }]);
      const answer = await dataOf(ask('{ bots { nodes { name config } } }'));
      expect(answer.split(`"n":${answered}`)).toHaveLength(7);
      expect(answer.split(`[${answered}]`)).toHaveLength(4);
    },
  );

  test('keeps any value, by variables and literals alike', async () => {
    const digits = (max: number) => fc.stringMatching(new RegExp(`^[1-9]\\d{0,${max}}$`));
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        digits(30),
        fc.option(digits(30)),
        fc.option(fc.integer({ min: -60, max: 60 })),
      )
      .map(
        ([sign, whole, fraction, exponent]) =>
          sign +
          whole +
          (fraction === null ? '' : `.${fraction}`) +
          (exponent === null ? '' : `e${exponent}`),
      );
    const numbers = fc.sample(number, 100);
    const members = numbers.map((text, index) => `n${index}:${text}`).join();
    await dataOf(
      ask(CREATE, `{"input":{"name":"any","config":{${members.replace(/n\d+/g, '"$&"')}}}}`),
    );
    await dataOf(
      ask(`mutation { createBot(input: {name: "any", config: {${members}}}) { bot { id } } }`),
    );
    const answered = (
      await dataOf(ask('{ bots(filter: {name: {eq: "any"}}) { nodes { config } } }'))
    ).match(/"n\d+":[^,}]+/g)!;
    const compared = await gateway.db.asSuperuser<{ different: number }>(
      'select count(*)::int as different from bots, jsonb_each(config_json) ' +
        "where name = 'any' and tenant_id = ? and value <> (?::jsonb) -> key",
      [tenant.id, `{${answered.join()}}`],
    );
    expect(compared).toEqual([{ different: 0 }]);
    const sent = await gateway.db.asSuperuser<{ different: number }>(
      'select count(*)::int as different from jsonb_each(?::jsonb) a ' +
        'join jsonb_each(?::jsonb) b using (key) where a.value <> b.value',
      [`{${members.replace(/n\d+/g, '"$&"')}}`, `{${answered.join()}}`],
    );
    expect(sent).toEqual([{ different: 0 }]);
    expect(answered).toHaveLength(200);
  });

  test('survives a change of the member beside it that writes back what was read', async () => {
    const id = (
      await tenant.bot({
        name: 'Old',
        config_json:
          '{"creatorID": 750727362669608961, "price": 0.1234567890123456789012, "tone": "dry"}',
      })
    ).id;
    const read = /"config":(\{.*?\})/.exec(
      await dataOf(ask(`{ bot(id: "${id}") { config } }`)),
    )![1]!;
    await dataOf(ask(UPDATE, `{"input":{"id":"${id}","config":${read.replace('dry', 'kind')}}}`));
    expect(await asWritten('config_json', 'bots', 'id = ?', [id])).toEqual([
      '{"tone": "kind", "price": 0.1234567890123456789012, "creatorID": 750727362669608961}',
    ]);
  });

  test('is found by its own value alone: by POST, GET, literal and trusted document', async () => {
    const [one, two] = await Promise.all(
      ['9007199254740993', '9007199254740992'].map(
        async id =>
          (await tenant.bot({ config_json: `{"a": {"ids": [${id}]}, "trusted": ${id}}` })).id,
      ),
    );
    for (const [number, found] of [
      ['9007199254740993', one],
      ['9007199254740993.0', one],
      ['9007199254740992', two],
      ['9007199254740991', undefined],
    ] as const) {
      const nodes = JSON.stringify({
        data: { bots: { nodes: found === undefined ? [] : [{ id: found }] } },
      });
      const variables = `{"contains":{"a":{"ids":[${number}]}}}`;
      expect((await ask(FIND, variables)).text.trim()).toBe(nodes);
      expect((await get({ query: FIND, variables })).text.trim()).toBe(nodes);
      expect(
        (
          await ask(
            `{ bots(filter: {config: {contains: {a: {ids: [${number}]}}}}) { nodes { id } } }`,
          )
        ).text.trim(),
      ).toBe(nodes);
      expect(
        (
          await ask(
            'query ($n: Float) { bots(filter: {config: {contains: {a: {ids: [$n]}}}}) { ' +
              'nodes { id } } }',
            `{"n":${number}}`,
          )
        ).text.trim(),
      ).toBe(nodes);
    }
    expect(await dataOf(send('{"documentId":"find-one"}'))).toContain('"trusted":9007199254740993');
  });

  test.each(['1e999', '-1e200000', '1e131071', '1e-501', '7'.repeat(501)])(
    'is refused by name where there is no room for it: %s',
    async number => {
      const before = await asWritten('id', 'bots', 'tenant_id = ?', [tenant.id]);
      for (const answer of [
        ask(CREATE, `{"input":{"name":"V","config":{"a":[{"b":${number}}]}}}`),
        ask(
          `mutation { createBot(input: {name: "V", config: {a: [{b: ${number}}]}}) { bot ` +
            '{ id } } }',
        ),
      ]) {
        const { message, extensions } = await refusalOf(answer);
        expect(message).toMatch(
          joinPatterns(
            /JSONObject must hold finite numbers of at most 500 digits, /,
            /written without an exponent: a\[0\]\.b is not one\./,
          ),
        );
        expect(extensions.code).toBe('BAD_USER_INPUT');
      }
      // With the caller's digits beside it, however deep, and nothing of how they are kept.
      const { message } = await refusalOf(
        ask(
          FIND,
          `{"contains":{"a":${number},"b":{"rawJSON":"1"},"c":[[9007199254740993]],` +
            '"d":9007199254740993}}',
        ),
      );
      expect(message).toContain('JSONObject must hold finite numbers');
      expect(message).toContain('d: 9007199254740993 }');
      expect(await asWritten('id', 'bots', 'tenant_id = ?', [tenant.id])).toEqual(before);
    },
  );

  test('counts with all its digits in the size that a configuration may have', async () => {
    const config = `{"a":[${Array(650).fill('1'.repeat(100)).join()}]}`;
    expect(
      (await refusalOf(ask(CREATE, `{"input":{"name":"V","config":${config}}}`))).message,
    ).toMatch(/takes 65,\d{3} bytes as JSON/);
  });

  test('is answered where another program wrote more digits than we take', async () => {
    const { id } = await tenant.bot({ config_json: '{"a": 1.5e600, "b": -1e131071}' });
    expect(await dataOf(ask(`{ bot(id: "${id}") { config } }`))).toMatch(
      /"a":15e599,"b":-1e131071/,
    );
  });

  test('is answered in a large answer, which is made in pieces, as in a small one', async () => {
    await tenant.bot({ config_json: `{"a": [${Array(30_000).fill('9007199254740993').join()}]}` });
    await tenant.bot({ config_json: `{"a": ${'7'.repeat(131_000)}.${'3'.repeat(10_000)}}` });
    const answer = await dataOf(
      ask('{ bots(filter: {config: {contains: {}}}) { nodes { config } } }'),
    );
    expect(answer.split('9007199254740993')).toHaveLength(30_001);
    expect(answer).toMatch(/"a":7{131000}3{10000}e-10000\}/);
    expect(answer).not.toContain('"text"');
  });

  test('is kept in sources, in the details of the audit log and in nodes', async () => {
    const sources = '"sources":[{"docID":750727362669608961},{"docID":[0.1234567890123456789012]}]';
    const input = `{"botId":"${bot.id}","query":"q","answer":"a",${sources}}`;
    const payload = await dataOf(
      ask(
        'mutation ($input: RecordBotQueryInput!) { recordBotQuery(input: $input) { ' +
          'botQuery { id sources } } }',
        `{"input":${input}}`,
      ),
    );
    expect(payload).toContain(sources);
    const id = /"id":"([^"]+)"/.exec(payload)![1]!;
    expect(
      await dataOf(
        ask(
          `{ nodes(ids: ["${id}", "${bot.id}"]) { ... on BotQuery { sources } ... on Bot ` +
            '{ config } } }',
        ),
      ),
    ).toContain(sources);
    await gateway.world.insert('audit_log', {
      tenant_id: tenant.id,
      actor_kind: 'user',
      actor_id: v7(),
      action: 'updateBot',
      target_type: 'Bot',
      target_id: bot.id,
      details: '{"old": 750727362669608961}',
    });
    const operator = await send(
      `{"query":"{ auditLog(filter: {tenantId: {eq: \\"${tenant.id}\\"}}) { nodes { ` +
        'details } } }"}',
      OPERATOR_TOKEN,
    );
    expect(operator.text).toContain('"details":{"old":750727362669608961}');
  });
});

describe('an idempotency key', () => {
  const create = (config: string, name = 'Once'): Promise<TextAnswer> =>
    ask(CREATE, `{"input":{"name":"${name}","idempotencyKey":"k","config":${config}}}`);

  test('takes equal values for the same input, and neighbouring values for others', async () => {
    const first = await dataOf(create('{"a":9007199254740993,"b":1}'));
    expect(first).toContain('9007199254740993');
    for (const config of ['{"b":1.0,"a":9007199254740993.0}', '{"a":9007199254740993e0,"b":1e0}'])
      expect(await dataOf(create(config))).toBe(first);
    expect(
      await dataOf(
        ask(
          'mutation { createBot(input: {name: "Once", idempotencyKey: "k", config: {a: ' +
            '9007199254740993.00, b: 10e-1}}) { bot { id config } } }',
        ),
      ),
    ).toBe(first);
    for (const config of [
      '{"a":9007199254740992,"b":1}',
      '{"a":9007199254740994,"b":1}',
      '{"a":{"rawJSON":"9007199254740993"},"b":1}',
    ]) {
      expect((await refusalOf(create(config))).extensions.code).toBe('CONFLICT');
    }
    expect(
      await asWritten('id', 'bots', `tenant_id = ? and name = 'Once'`, [tenant.id]),
    ).toHaveLength(1);
  });
});

describe('a number in the metadata of chunks', () => {
  const TICKETS = ['1546130668394913821', '1546130668394913822', '0.1234567890123456789012', '7'];
  const SEARCH =
    'query ($input: SearchChunksInput!) { searchChunks(input: $input) { hits { chunk { ' +
    'metadata } } } }';
  let document: string;

  beforeEach(async () => {
    document = (await bot.document()).id;
    const chunks = TICKETS.map(
      (ticket, index) =>
        `{"text":"return a tent ${index}","chunkIndex":${index},"metadata":{"ticket":${ticket}}}`,
    );
    await dataOf(
      ask(
        'mutation ($input: AddChunksInput!) { addChunks(input: $input) { chunks { id } } }',
        `{"input":{"documentId":"${document}","chunks":[${chunks.join()}]}}`,
      ),
    );
  });

  async function found(input: string): Promise<string[]> {
    const answer = await dataOf(
      ask(SEARCH, `{"input":{"text":"return a tent","topK":10,${input}}}`),
    );
    return (answer.match(/"ticket":[^}]+/g) ?? []).map(member => member.slice(9)).sort();
  }

  /** The same by literals. */
  async function foundByLiteral(input: string): Promise<string[]> {
    const answer = await dataOf(
      ask(
        '{ searchChunks(input: {text: "return a tent", topK: 10, ' +
          `${input.replace(/"(\w+)":/g, '$1:')}}) { hits { chunk { metadata } } } }`,
      ),
    );
    return (answer.match(/"ticket":[^}]+/g) ?? []).map(member => member.slice(9)).sort();
  }

  test.each([
    ['metadata', '"metadata":{"ticket":1546130668394913821}', ['1546130668394913821']],
    ['metadata of no chunk', '"metadata":{"ticket":1546130668394913700}', []],
    [
      'equals',
      '"metadataConditions":[{"path":["ticket"],"equals":1546130668394913822}]',
      ['1546130668394913822'],
    ],
    [
      'equals in another form',
      '"metadataConditions":[{"path":["ticket"],"equals":1546130668394913822.0}]',
      ['1546130668394913822'],
    ],
    [
      'equals a fraction',
      '"metadataConditions":[{"path":["ticket"],"equals":0.1234567890123456789012}]',
      ['0.1234567890123456789012'],
    ],
    [
      'equals the double next to it',
      '"metadataConditions":[{"path":["ticket"],"equals":0.12345678901234568}]',
      [],
    ],
    [
      'in',
      '"metadataConditions":[{"path":["ticket"],"in":[7,1546130668394913822,1546130668394913823]}]',
      ['1546130668394913822', '7'],
    ],
    [
      'a bound of number',
      '"metadataConditions":[{"path":["ticket"],"number":{"gte":1546130668394913822}}]',
      ['1546130668394913822'],
    ],
    [
      'an open bound',
      '"metadataConditions":[{"path":["ticket"],"number":{"gt":7,"lt":1546130668394913822}}]',
      ['1546130668394913821'],
    ],
    [
      'a bound that is a fraction',
      '"metadataConditions":[{"path":["ticket"],"number":{"lte":0.1234567890123456789012}}]',
      ['0.1234567890123456789012'],
    ],
    [
      'a bound just below',
      '"metadataConditions":[{"path":["ticket"],"number":{"lte":0.1234567890123456789011}}]',
      [],
    ],
    [
      'a bound beyond doubles',
      '"metadataConditions":[{"path":["ticket"],"number":{"lt":1e400,"gt":1e18}}]',
      ['1546130668394913821', '1546130668394913822'],
    ],
  ])('is compared with all its digits by %s', async (_, input, tickets) => {
    expect(await found(input)).toEqual(tickets);
    expect(await foundByLiteral(input)).toEqual(tickets);
  });

  test('is compared with variables of the types Float and MetadataValue', async () => {
    const conditions =
      'query ($n: Float, $m: MetadataValue) { searchChunks(input: {text: "return a ' +
      'tent", metadataConditions: [{path: ["ticket"], number: {gte: $n}}, {path: ' +
      '["ticket"], equals: $m}]}) { hits { chunk { metadata } } } }';
    expect(
      await dataOf(ask(conditions, '{"n":1546130668394913822,"m":1546130668394913822}')),
    ).toContain('"hits":[{"chunk":{"metadata":{"ticket":1546130668394913822}}}]');
    expect(
      await dataOf(ask(conditions, '{"n":1546130668394913823,"m":1546130668394913822}')),
    ).toContain('"hits":[]');
  });

  test('is compared so by explanations and kept by reprocessing', async () => {
    const [id] = await asWritten(
      'id',
      'doc_chunks',
      `doc_id = ? and chunk_metadata @> '{"ticket": 1546130668394913821}'`,
      [document],
    );
    expect(
      await dataOf(
        ask(
          `{ explainChunk(chunkId: "${id}", input: {text: "return a tent", metadata: ` +
            '{ticket: 1546130668394913822}}) { failedFilters } }',
        ),
      ),
    ).toContain('"failedFilters":["metadata"]');
    expect(
      await dataOf(
        ask(
          `{ explainChunk(chunkId: "${id}", input: {text: "return a tent", metadata: ` +
            '{ticket: 1546130668394913821}}) { failedFilters } }',
        ),
      ),
    ).toContain('"failedFilters":[]');
    await dataOf(
      ask(
        `mutation { reprocessDocument(input: {id: "${document}", text: "Another text."}) ` +
          '{ document { id } } }',
      ),
    );
    expect(await asWritten('chunk_metadata', 'doc_chunks', 'doc_id = ?', [document])).toEqual([
      '{"ticket": 1546130668394913821}',
    ]);
  });

  test.each([
    [
      '"metadataConditions":[{"path":["a"],"equals":1e999}]',
      /MetadataValue must be .*finite numbers of at most 500 digits/,
    ],
    [
      '"metadataConditions":[{"path":["a"],"in":[1,-1e200000]}]',
      /MetadataValue must be .*finite numbers of at most 500 digits/,
    ],
    [
      '"metadataConditions":[{"path":["a"],"number":{"gt":1e200000}}]',
      /Float must be .*finite numbers of at most 500 digits/,
    ],
    ['"metadata":{"a":1e200000}', /JSONObject must hold finite numbers of at most 500 digits/],
    ['"minSimilarity":1e400', /input\.minSimilarity must be from -1 to 1; it is 10{400}\./],
    [
      '"mode":"HYBRID","weights":{"vector":1e400,"keyword":1}',
      /input\.weights\.vector must be 0, or from 0\.000000001 to 10; it is 10{400}\./,
    ],
    [
      '"mode":"HYBRID","weights":{"vector":1,"keyword":1e-400}',
      /input\.weights\.keyword must be 0, or from 0\.000000001 to 10; it is 0\.0{399}1\./,
    ],
  ])('is refused by name in a condition: %s', async (input, message) => {
    for (const answer of [
      ask(SEARCH, `{"input":{"text":"a",${input}}}`),
      ask(
        '{ searchChunks(input: {text: "a", ' +
          `${input.replace(/"(\w+)":/g, '$1:').replace('"HYBRID"', 'HYBRID')}}) { hits { ` +
          'rank } } }',
      ),
    ]) {
      const refusal = await refusalOf(answer);
      expect(refusal.message).toMatch(message);
      expect(refusal.extensions.code).toBe('BAD_USER_INPUT');
    }
  });
});

describe('a variable of another type', () => {
  test('that is a BigInt takes a string or literal of digits JavaScript would change', async () => {
    await bot.document({ size_bytes: '9007199254740993' });
    const query =
      'query ($n: BigInt) { documents(filter: {sizeBytes: {eq: $n}}) { nodes { sizeBytes } } }';
    const found = '"nodes":[{"sizeBytes":"9007199254740993"}]';
    expect(await dataOf(ask(query, '{"n":"9007199254740993"}'))).toContain(found);
    expect(
      await dataOf(
        ask('{ documents(filter: {sizeBytes: {eq: 9007199254740993}}) { nodes { sizeBytes } } }'),
      ),
    ).toContain(found);
    expect((await refusalOf(ask(query, '{"n":9007199254740993}'))).message).toMatch(
      joinPatterns(
        /invalid value 9007199254740993.*64 bits.* Send a number beyond 2\^53 - 1 as a /,
        /string of digits\./,
      ),
    );
  });

  test.each([
    ['Int', 'query ($n: Int) { bots(first: $n) { totalCount } }', '9007199254740993'],
    ['Int', 'query ($n: Int) { bots(first: $n) { totalCount } }', '3.00000000000000000001'],
    ['ID', 'query ($n: ID!) { bot(id: $n) { id } }', '9007199254740993'],
    [
      'String',
      'query ($n: String) { bots(filter: {name: {eq: $n}}) { totalCount } }',
      '9007199254740993',
    ],
    [
      'a JSONObject that is a number',
      'query ($n: JSONObject) { bots(filter: {config: {contains: $n}}) { totalCount } }',
      '9007199254740993',
    ],
  ])(
    'that cannot hold it is refused with the digits that were sent: %s (%#)',
    async (_, query, number) => {
      const { message, extensions } = await refusalOf(ask(query, `{"n":${number}}`));
      expect(message).toContain(`got invalid value ${number}`);
      expect(message).not.toContain('rawJSON');
      expect(extensions.code).toBe('BAD_USER_INPUT');
    },
  );

  test.each([
    ['BigInt', '750727362669608961'],
    ['[BigInt!]', '[1]'],
    ['Vector', '[9007199254740993]'],
    ['Confidence', '"HIGH"'],
    ['BotOrderBy', '{"field":"NAME"}'],
  ])(
    'is refused inside a JSON literal, where it would be something else than what was sent: %s',
    async (type, value) => {
      for (const place of ['{a: $x}', '{a: [{b: $x}]}']) {
        const create =
          `mutation ($x: ${type}) { createBot(input: {name: "Changed", config: ${place}}) ` +
          '{ bot { id } } }';
        const find =
          `query ($x: ${type}) { searchChunks(input: {text: "tent", metadata: ${place}}) { ` +
          'hits { rank } } }';
        for (const operation of [
          create,
          find,
          `query ($x: ${type}) { ...F } fragment F on Query { bots(filter: {config: ` +
            `{contains: ${place}}}) { totalCount } }`,
        ]) {
          const { message, extensions } = await refusalOf(ask(operation, `{"x":${value}}`));
          expect(message).toBe(
            'Variable "$x" cannot be used inside a JSON object, because its type is not JSON. ' +
              'Declare it as MetadataValue or JSONObject.',
          );
          expect(extensions.code).toBe('BAD_USER_INPUT');
        }
      }
    },
  );

  test.each([
    ['MetadataValue', '9007199254740993'],
    ['Float', '9007199254740993'],
    ['JSONObject', '{"b":9007199254740993}'],
    ['[Int!]', '[1]'],
    ['String', '"x"'],
    ['ID', '"x"'],
    ['Boolean', 'true'],
    ['DateTime', '"2026-01-31T09:30:00Z"'],
  ])('stands inside a JSON literal as it was sent: %s', async (type, value) => {
    const create =
      `mutation ($x: ${type}) { createBot(input: {name: "Kept", config: {a: $x}}) { bot { ` +
      'config } } }';
    expect(await dataOf(ask(create, `{"x":${value}}`))).toContain(`{"config":{"a":${value}}}`);
  });

  test('is told with its digits where the field is unknown, or the limit lower', async () => {
    const unknown =
      'mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { id } } }';
    expect(
      (await refusalOf(ask(unknown, '{"input":{"name":"x","nmae":9007199254740993}}'))).message,
    ).toContain('nmae: 9007199254740993');
    const large =
      'mutation { createDocument(input: {filename: "a", sourceUri: "b", sizeBytes: ' +
      '"9223372036854775807"}) { document { id } } }';
    expect((await refusalOf(ask(large))).message).toMatch(/it is 9223372036854775807\.$/);
  });

  test('is read once where it comes twice in a body, as JSON.parse reads it', async () => {
    const { id } = await tenant.bot({ config_json: '{"n": 9007199254740993}' });
    const query =
      'query ($ids: [ID!], $c: JSONObject) { bots(filter: {id: {in: $ids}, config: ' +
      '{contains: $c}}) { nodes { id } } }';
    const data = JSON.stringify({ data: { bots: { nodes: [{ id }] } } });
    for (const variables of [
      '{"ids":[1,2],"ids":null,"c":{"n":1},"c":{"n":9007199254740993}}',
      `{"ids":{"n":1e400},"ids":["${id}"],"c":[9007199254740992],` +
        '"c":{"n":1,"n":9007199254740993.0}}',
    ]) {
      expect((await ask(query, variables)).text.trim()).toBe(data);
      const twice =
        `{"variables":{"c":5,"x":[1e400]},"query":${JSON.stringify(query)},` +
        `"variables":${variables}}`;
      expect((await send(twice)).text.trim()).toBe(data);
    }
  });

  test('that is a Float or a Vector is a double', async () => {
    const search =
      'query ($m: Float, $v: Vector) { searchChunks(input: {embedding: $v, ' +
      'minSimilarity: $m}) { hits { rank } } }';
    const vector = Array.from(
      { length: 1536 },
      (_, index) => `0.${String(index + 1).padStart(25, '1')}`,
    ).join();
    expect(await dataOf(ask(search, `{"m":0.12345678901234567890123,"v":[${vector}]}`))).toContain(
      '"hits":[]',
    );
  });
});
