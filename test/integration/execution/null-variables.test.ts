import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildGatewaySchema } from '../../../src/schema.js';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { collectLog } from '../../support/log-lines.js';
import {
  nullCalls,
  positionsOf,
  type NullCall,
  type Position,
} from '../../support/null-variables.js';
import type { OwnIds } from '../../support/valid-arguments.js';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const schema = buildGatewaySchema();
const { log, entries } = collectLog();
const AT_ONCE = 4;

let gateway: TestGateway;
/** Of a tenant that only the walk through the schema changes, and of one that it does not. */
let prober: Client;
let owner: Client;
let own: OwnIds;
let chunkId: string;

beforeAll(async () => {
  gateway = await startTestGateway({ log });
  const probed = await settle();
  prober = probed.client;
  own = probed.own;
  const kept = await settle();
  owner = kept.client;
  chunkId = kept.own.DocumentChunk!;
});

async function settle(): Promise<{ client: Client; own: OwnIds }> {
  const tenant = await gateway.world.tenant({ name: 'Nulls' });
  const bot = await tenant.bot({ name: 'Asked' });
  const document = await bot.document({ filename: 'tents.md' });
  const embedding = Array.from({ length: 1_536 }, (_, index) => index % 3);
  const metadata = ['customers', 'staff', null].map(audience => ({ a: audience, audience }));
  const [chunk] = await document.chunks(
    metadata.map((noted, chunkIndex) => ({
      text: 'Return a tent.',
      chunkIndex,
      embedding,
      metadata: noted,
    })),
  );
  await (await tenant.bot({ name: 'Other' })).document({ filename: 'boats.md' });
  const client = await gateway.user(tenant);
  const ids = {
    Tenant: tenant.id,
    User: await tenant.user({ role: 'member' }),
    ApiKey: (await tenant.key()).id,
    Bot: bot.id,
    Document: document.id,
    DocumentChunk: chunk!,
    BotQuery: await bot.query(),
    Upload: await bot.upload(),
    Ingestion: await document.ingestion(),
  };
  return { client, own: ids };
}
afterAll(() => gateway.close());

const failuresInLog = () =>
  entries().filter(({ level }) => level >= 50 || level === 'error' || level === 'fatal');

/** Calls that are made in so many at a time. */
async function each<T>(
  items: readonly T[],
  work: (item: T) => Promise<string | undefined>,
): Promise<string[]> {
  const problems: string[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    for (const problem of await Promise.all(items.slice(start, start + AT_ONCE).map(work)))
      if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** Ids and counts in an answer. */
const found = ({ data }: Answer): string[] =>
  [...JSON.stringify(data ?? null).matchAll(/"id":"([^"]+)"|"totalCount":\d+/g)].map(
    ([all, id]) => id ?? all,
  );

const OF_THE_OPERATOR = ['tenants', 'createTenant', 'deleteTenant'];

/**
 * What is wrong with the answer to a call; undefined where nothing is. `complete` answers the call
 * without the place.
 */
async function problemWith(
  position: Position,
  { name, query, variables, withoutVariable, isNull }: NullCall,
  complete: (client: Client, query: string) => Promise<Answer>,
): Promise<string | undefined> {
  const client = OF_THE_OPERATOR.includes(position.field.name) ? gateway.operator : prober;
  const answer = await client.query(query, variables);
  const told = JSON.stringify([answer.errors, answer.data]).slice(0, 400);
  const codes = answer.errors?.map(({ extensions }) => extensions.code) ?? [];
  if (answer.status >= 500 || codes.includes('INTERNAL_SERVER_ERROR'))
    return `${name}: a mistake of ours: ${told}`;
  if (answer.data === undefined) return `${name}: it is no operation: ${told}`;
  if (
    codes.includes('BAD_USER_INPUT') &&
    answer.errors!.some(({ path }) => path?.at(-1) !== position.field.name)
  )
    return `${name}: an error in another place: ${told}`;
  if (position.root === 'mutation' || withoutVariable === undefined || codes.length > 0)
    return undefined;
  const more = await complete(client, withoutVariable);
  if (more.errors) return undefined;
  const [some, all] = [found(answer), found(more)];
  // What is left out of JSON is a null in it, which is asked for; anything else that has no value
  // asks nothing.
  if (position.coordinate !== 'member')
    return JSON.stringify(some) === JSON.stringify(all)
      ? undefined
      : `${name}: finds ${some.join()} and not ${all.join()}`;
  const ids = (items: string[]): string[] => items.filter(item => !item.startsWith('"'));
  const wide = ids(some).length > 0 && ids(some).length >= ids(all).length;
  return ids(some).every(id => all.includes(id)) && !wide
    ? undefined
    : `${name}: ${isNull ? 'null' : 'nothing'} finds ${some.join()} of ${all.join()}`;
}

describe('a variable without a value, in every place of every field', () => {
  const positions = positionsOf(schema);
  const ofQueries = positions.filter(({ root }) => root === 'query');

  test('is told apart by its place', () => {
    expect(positions.length).toBeGreaterThan(400);
    expect(new Set(positions.map(({ parent }) => parent))).toEqual(
      new Set(['Query', 'Mutation', 'Tenant', 'ApiKey', 'Bot', 'Document', 'DocumentChunk']),
    );
  });

  test.each([
    ['queries', ofQueries],
    ['mutations', positions.filter(({ root }) => root === 'mutation')],
  ])('asks for no more than what is left out, or is refused: %s', async (_, some) => {
    const calls = some.flatMap(position =>
      nullCalls(position, own).map(call => ({ position, call })),
    );
    const answers = new Map<string, Promise<Answer>>();
    const complete = (client: Client, query: string): Promise<Answer> => {
      if (!answers.has(query)) answers.set(query, client.query(query));
      return answers.get(query)!;
    };
    expect(
      await each(calls, ({ position, call }) => problemWith(position, call, complete)),
    ).toEqual([]);
    expect(failuresInLog()).toEqual([]);
  });
});

describe('a null where there must be a value', () => {
  const DIRECTION =
    'query ($d: OrderDirection) { viewer { kind } documents(orderBy: [{ field: FILENAME, ' +
    'direction: $d }]) { totalCount } }';

  test('is refused at its field, in the words of graphql-js', async () => {
    const { status, data, errors } = await owner.query(DIRECTION, { d: null });
    expect(status).toBe(200);
    expect(data).toBeNull();
    expect(errors).toEqual([
      {
        message: 'Argument "orderBy" has invalid value [{field: FILENAME, direction: $d}].',
        locations: [{ line: 1, column: 65 }],
        path: ['documents'],
        extensions: { code: 'BAD_USER_INPUT', requestId: expect.any(String) },
      },
    ]);
    expect((await owner.query(DIRECTION, {})).errors).toBeUndefined();
  });

  test.each([
    [
      'an argument with a default',
      'query ($n: Int) { node(id: "ID") { ... on DocumentChunk { neighbors(after: $n) { ' +
        'after { id } } } } }',
      ['node', 'neighbors'],
      'Argument "after" of non-null type "Int!" must not be null.',
    ],
    [
      'an argument, in place of a default of the variable',
      'query ($id: ID = "x") { node(id: $id) { id } }',
      ['node'],
      'Argument "id" of non-null type "ID!" must not be null.',
    ],
    [
      'an item of a list',
      'query ($id: ID = "x") { nodes(ids: [$id]) { id } }',
      ['nodes'],
      'Argument "ids" has invalid value [$id].',
    ],
    [
      'a part of an input with a default',
      'query ($n: Int) { searchChunks(input: { text: "x", topK: $n }) { tookMs } }',
      ['searchChunks'],
      'Argument "input" has invalid value {text: "x", topK: $n}.',
    ],
    [
      'an item of a filter',
      'query ($s: DocumentStatus = FAILED) { documents(filter: { status: { in: [$s] } }) ' +
        '{ totalCount } }',
      ['documents'],
      'Argument "filter" has invalid value {status: {in: [$s]}}.',
    ],
    [
      'a part of a mutation',
      'mutation ($b: Boolean) { deleteBot(input: { id: "ID", dryRun: $b }) { deletedId } }',
      ['deleteBot'],
      'Argument "input" has invalid value {id: "ID", dryRun: $b}.',
    ],
    [
      'a condition',
      'query ($b: Boolean = true) { viewer { kind } bots @include(if: $b) { totalCount } }',
      undefined,
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
    [
      'a condition further down',
      'query ($b: Boolean = true) { viewer { kind @skip(if: $b) } }',
      ['viewer'],
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
  ])('is no mistake of ours as %s', async (_, query, path, message) => {
    const name = /\$(\w+)/.exec(query)![1]!;
    const { status, errors } = await owner.query(query.replaceAll('ID"', `${chunkId}"`), {
      [name]: null,
    });
    expect(status).toBe(200);
    expect(errors).toMatchObject([
      { message: message.replaceAll('ID"', `${chunkId}"`), extensions: { code: 'BAD_USER_INPUT' } },
    ]);
    expect(errors![0]!.path?.filter(key => typeof key === 'string')).toEqual(path);
    expect(failuresInLog()).toEqual([]);
  });

  test('is no mistake of ours without a token', async () => {
    const nobody = gateway.client();
    for (const query of [
      'query ($b: Boolean = true) { __typename @include(if: $b) }',
      'query ($b: Boolean = true) { __schema { types { fields(includeDeprecated: true) { ' +
        'name @skip(if: $b) } } } }',
      'query ($b: String = "x") { __type(name: $b) { name } }',
    ]) {
      const { errors } = await nobody.query(query, { b: null });
      expect(errors!.length).toBeGreaterThan(0);
      for (const error of errors!)
        expect(error).toMatchObject({
          message: expect.stringContaining('must not be null.'),
          extensions: { code: 'BAD_USER_INPUT' },
        });
    }
    expect(failuresInLog()).toEqual([]);
  });
});

describe('a variable that was left out of JSON', () => {
  const SEARCH =
    'query ($a: String) { searchChunks(input: { text: "return a tent", metadata: { ' +
    'audience: $a } }) { hits { chunk { metadata } } } }';
  const audiences = async (query: string, variables: Record<string, unknown>): Promise<unknown[]> =>
    (await owner.data(query, variables)).searchChunks.hits.map(
      (hit: any) => hit.chunk.metadata.audience,
    );

  test('is a null in a search, which widens nothing', async () => {
    expect(await audiences(SEARCH, { a: 'customers' })).toEqual(['customers']);
    expect(await audiences(SEARCH, { a: null })).toEqual([null]);
    expect(await audiences(SEARCH, {})).toEqual([null]);
  });

  test.each(['toString', 'constructor', 'hasOwnProperty', '__defineGetter__'])(
    'is a null, called $%s',
    async name => {
      expect(await audiences(SEARCH.replaceAll('$a', `$${name}`), {})).toEqual([null]);
      const { bots } = await owner.data(
        `query ($${name}: String) { bots(filter: { config: { contains: { a: $${name} } } ` +
          '}) { totalCount } }',
      );
      expect(bots.totalCount).toBe(0);
    },
  );

  test('is a null in what is written, in lists and further in', async () => {
    const { createBot } = await owner.data(
      'mutation ($x: String) { createBot(input: { name: "Left out", config: { a: $x, b: ' +
        '[$x, { c: $x }], d: { e: $x } } }) { bot { config } } }',
    );
    expect(createBot.bot.config).toEqual({ a: null, b: [null, { c: null }], d: { e: null } });
    const { bots } = await owner.data(
      'query ($x: String) { bots(filter: { config: { contains: { d: { e: $x }, b: [{ c: ' +
        '$x }] } } }) { nodes { name } } }',
    );
    expect(bots.nodes).toEqual([{ name: 'Left out' }]);
  });
});

describe('a part of a filter without a value', () => {
  const filenames = async (
    filter: string,
    variables: Record<string, unknown>,
  ): Promise<string[]> => {
    const defined = ['skip', 'only']
      .filter(name => filter.includes(`$${name}`))
      .map(name => `$${name}: String`);
    const { documents } = await owner.data(
      `query ${defined.length > 0 ? `(${defined.join(', ')})` : ''} { documents(filter: ` +
        `${filter}, orderBy: [{ field: FILENAME }]) { totalCount nodes { filename } } }`,
      variables,
    );
    expect(documents.totalCount).toBe(documents.nodes.length);
    return documents.nodes.map((node: { filename: string }) => node.filename);
  };

  test.each([{}, { skip: null }])('excludes nothing: %j', async nothing => {
    expect(await filenames('{ not: { filename: { eq: $skip } } }', { skip: 'boats.md' })).toEqual([
      'tents.md',
    ]);
    expect(await filenames('{ not: { filename: { eq: $skip } } }', nothing)).toEqual([
      'boats.md',
      'tents.md',
    ]);
    expect(
      await filenames(
        '{ not: { or: [{ filename: { eq: $skip } }, { filename: { eq: $only } }] } }',
        { ...nothing, only: 'tents.md' },
      ),
    ).toEqual(['boats.md']);
  });

  test.each([{}, { skip: null }])('is no alternative: %j', async nothing => {
    const either = '{ or: [{ filename: { eq: $skip } }, { filename: { eq: $only } }] }';
    expect(await filenames(either, { ...nothing, only: 'tents.md' })).toEqual(['tents.md']);
    expect(await filenames(either, { ...nothing, only: 'none' })).toEqual([]);
    expect(await filenames(either, nothing)).toEqual(['boats.md', 'tents.md']);
    expect(await filenames('{ or: [] }', nothing)).toEqual([]);
  });
});

describe('names that every object has', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const aliased = (field: string): string => NAMES.map(name => `${name}: ${field}`).join(' ');
  const text = async (query: string): Promise<string> => JSON.stringify(await owner.data(query));

  test('are names of an answer like others, whoever executes', async () => {
    const kinds = `{${NAMES.map(name => `"${name}":"USER"`).join()}}`;
    const viewers = NAMES.map(name => `"${name}":${kinds}`).join();
    expect(await text(`{ ${aliased(`viewer { ${aliased('kind')} }`)} }`)).toBe(`{${viewers}}`);
    expect(await text(`{ node(id: "${chunkId}") { ${aliased('__typename')} } }`)).toBe(
      `{"node":${kinds.replaceAll('USER', 'DocumentChunk')}}`,
    );
    expect(
      await text(
        'mutation { ' +
          `${aliased(`createBot(input: { name: "Named" }) { bot { ${aliased('name')} } }`)} }`,
      ),
    ).toBe(
      `{${NAMES.map(name => `"${name}":{"bot":${kinds.replaceAll('USER', 'Named')}}`).join()}}`,
    );
  });

  test('are names of variables, of conditions too', async () => {
    for (const name of [...NAMES.slice(1), '__defineGetter__']) {
      const query =
        `query ($${name}: Boolean = true) { viewer { kind @include(if: $${name}) ` +
        `__typename @skip(if: $${name}) } }`;
      expect(await text(query)).toBe('{"viewer":{"kind":"USER"}}');
      expect(JSON.stringify(await owner.data(query, { [name]: false }))).toBe(
        '{"viewer":{"__typename":"Viewer"}}',
      );
      const { tenant } = await owner.data(
        `query ($${name}: ID = "${chunkId}") { tenant { documents(filter: { id: { eq: ` +
          `$${name} } }) { totalCount } } }`,
      );
      expect(tenant.documents.totalCount).toBe(0);
    }
  });

  test('are names of operations and fragments', async () => {
    for (const name of NAMES)
      expect(
        await text(`query ${name} { viewer { ...${name} } } fragment ${name} on Viewer { kind }`),
      ).toBe('{"viewer":{"kind":"USER"}}');
    const { errors } = await owner.post(
      JSON.stringify({
        query: 'query a { viewer { kind } } query b { viewer { kind } }',
        operationName: '__proto__',
      }),
    );
    expect(errors).toMatchObject([
      { message: 'Unknown operation named "__proto__".', extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });
});
