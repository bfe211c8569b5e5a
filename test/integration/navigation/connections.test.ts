import { getNamedType, isEnumType, isObjectType, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../../src/schema.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';
import { LIST_FIELDS, listQuery, listsIn, type ListField } from './list-fields.js';

/**
 * Rows of each list: more than two pages of five, so that there is a first, a middle and a last
 * one.
 */
const ROWS = 13;
const PAGE_SIZE = 5;

const schema: GraphQLSchema = buildGatewaySchema();
let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;
const parents: Record<string, string> = {};

/**
 * Values that repeat, so that rows tie, some of them only a microsecond or the case of a letter
 * apart.
 */
const oneOf = <T>(values: readonly T[], nth: number): T => values[nth % values.length]!;
// The last are such as rows may hold from before the constraints against them.
const instant = (nth: number) =>
  oneOf(
    [
      '2026-01-01T00:00:00.000001Z',
      '2026-01-01T00:00:00.000002Z',
      '2026-01-01T00:00:00.000002Z',
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.001Z',
      'infinity',
      '-infinity',
      '294276-12-31 23:59:59.999999+00',
      '4714-11-24 00:00:00+00 BC',
      '10000-02-29 00:00:00+00',
      '0001-02-29 12:00:00.5+00 BC',
    ],
    nth,
  );
const name = (nth: number) =>
  oneOf(
    [
      'alpha',
      'Alpha',
      'älpha',
      'a\u0308lpha',
      'beta',
      'beta',
      'alpha 2',
      '😀',
      '"quoted", \\ and all',
      '𝒳'.repeat(255),
      ' ',
      '\u0007',
      '\ufeffbeta',
      '1'.repeat(255),
    ],
    nth,
  );

beforeAll(async () => {
  gateway = await startTestGateway();
  const { world } = gateway;
  const tables = await gateway.db.asSuperuser<{ name: string }>(
    'select conrelid::regclass::text as name from pg_constraint ' +
      "where conname like '%\\_times\\_rfc3339'",
  );
  for (const { name: table } of tables)
    await gateway.db.asSuperuser(`alter table ${table} drop constraint ${table}_times_rfc3339`);
  for (let nth = 0; nth < ROWS - 2; nth += 1) {
    await world.insert('tenants', {
      name: name(nth),
      storage_used_bytes: oneOf(['0', '9007199254740993', '9223372036854775807'], nth),
      created_at: instant(nth),
      updated_at: instant(nth + 2),
    });
  }
  tenant = await world.tenant({ name: 'Paged' });
  await (await (await (await world.tenant({ name: 'Stranger' })).bot()).document()).texts(3);
  const key = await tenant.key({ name: 'Paging' });
  client = gateway.client(key.secret);

  for (let nth = 0; nth < ROWS - 1; nth += 1)
    await tenant.bot({ name: name(nth), created_at: instant(nth) });
  const { id: tenant_id } = tenant;
  const bot = await tenant.bot({ name: 'Paged' });
  for (let nth = 0; nth < ROWS; nth += 1) {
    const times = { created_at: instant(nth), updated_at: instant(nth + 1) };
    await tenant.user({ role: oneOf(['owner', 'admin', 'member', 'member'], nth), ...times });
    await world.insert('api_keys', {
      tenant_id,
      name: name(nth),
      key_prefix: `wvr_${nth}`,
      key_hash: 'none',
      expires_at: oneOf([undefined, instant(nth), instant(nth + 1)], nth),
      last_used_at: oneOf([instant(nth), undefined], nth),
      ...times,
    });
    await bot.document({
      filename: name(nth),
      size_bytes: oneOf(['5', '9007199254740993', '5', '0'], nth),
      status: oneOf(['pending', 'failed', 'completed', 'processing', 'failed'], nth),
      ...times,
    });
    await bot.upload({
      size_bytes: oneOf([5, 2 ** 40, 5, 1], nth),
      expires_at: `2100-01-0${oneOf([3, 1, 2, 2], nth)}T00:00:00Z`,
      created_at: instant(nth),
    });
    await bot.query({
      api_key_id: key.id,
      latency_ms: oneOf([undefined, 5, 2_147_483_647, 5, 0], nth),
      confidence: oneOf(['low', undefined, 'high', 'medium', undefined], nth),
      created_at: instant(nth),
    });
  }
  const document = await (await tenant.bot({ name: 'Other' })).document();
  for (let nth = 0; nth < ROWS; nth += 1)
    await document.ingestion({
      state: oneOf(['failed', 'cancelled', 'completed', 'failed'], nth),
      finished_at: oneOf([undefined, instant(nth + 1), instant(nth)], nth),
      created_at: instant(nth),
    });
  await document.chunks(
    Array.from({ length: ROWS }, (_, nth) => ({
      text: name(nth),
      chunkIndex: oneOf([0, 1, 1, 2], nth),
      pageNum: oneOf([null, 1, 2, 1, null], nth),
      embedding: null,
      createdAt: instant(nth),
    })),
  );
  Object.assign(parents, { Tenant: tenant.id, Bot: bot.id, ApiKey: key.id, Document: document.id });
});
afterAll(() => gateway.close());

const parentOf = ({ coordinate }: ListField) => parents[coordinate.split('.')[0]!];
const clientOf = ({ parentColumn }: ListField) => (parentColumn ? client : gateway.operator);

interface Step {
  /** The enum's value in the schema, and the column behind it. */
  readonly field: string;
  readonly column: string;
  readonly direction: 'ASC' | 'DESC';
}

/** Every field both ways, and some orders of two and three steps that run to and fro. */
function ordersOf({ orderField }: ListField): Step[][] {
  const type = schema.getType(orderField);
  if (!isEnumType(type)) throw new Error(`${orderField} is no enum.`);
  const steps = (direction: Step['direction']): Step[] =>
    type.getValues().map(value => ({
      field: value.name,
      column: String(value.value).replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
      direction,
    }));
  const [up, down] = [steps('ASC'), steps('DESC')];
  return [
    ...[...up, ...down].map(step => [step]),
    ...up.slice(1).map((step, index) => [step, down[index]!]),
    ...down.slice(1).map((step, index) => [up[index]!, step]),
    [up[2]!, down[1]!, up[0]!],
  ];
}

/** Columns whose order is that of an alphabet. */
const NAMES = new Set(['name', 'filename', 'email']);

/** The table's rows that are in the list, with the id of their parent as the parameter. */
function rowsOf({ table, parentColumn, coordinate }: ListField): [string, (string | undefined)[]] {
  if (parentColumn === undefined) return [table, []];
  const parent = coordinate.startsWith('Query.') ? tenant.id : parents[coordinate.split('.')[0]!];
  return [`${table} where ${parentColumn} = ?`, [parent]];
}

/** The ids in the order that PostgreSQL gives them. */
async function expectedIds(list: ListField, order: Step[]): Promise<string[]> {
  const [rows, parameters] = rowsOf(list);
  const by = [...order, { column: 'id', direction: order.at(-1)!.direction }].map(
    ({ column, direction }) =>
      `${NAMES.has(column) ? `weaver_sort_key(${column})` : column} ${direction}`,
  );
  return (
    await gateway.db.asSuperuser<{ id: string }>(
      `select id from ${rows} order by ${by.join(', ')}`,
      parameters,
    )
  ).map(row => row.id);
}

interface ShownPage {
  readonly totalCount: number;
  readonly nodes: { readonly id: string }[];
  readonly edges: { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
    readonly endCursor: string;
  };
}

const PAGE =
  'totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage ' +
  'hasPreviousPage startCursor endCursor }';

/**
 * Walks a list in all `orders` at once, each under an alias of its own, and gives the ids that each
 * walk met.
 */
async function walk(
  list: ListField,
  orders: Step[][],
  way: 'forward' | 'backward',
  total: number,
): Promise<string[][]> {
  const met: string[][] = orders.map(() => []);
  const cursors: (string | undefined)[] = orders.map(() => undefined);
  const open = new Set(orders.keys());
  while (open.size > 0) {
    const aliases = Object.fromEntries(
      [...open].map(index => {
        const by = orders[index]!.map(
          ({ field, direction }) => `{field: ${field}, direction: ${direction}}`,
        ).join(', ');
        const from =
          cursors[index] === undefined
            ? ''
            : `, ${way === 'forward' ? 'after' : 'before'}: "${cursors[index]}"`;
        return [
          `order${index}`,
          `${way === 'forward' ? 'first' : 'last'}: ${PAGE_SIZE}, orderBy: [${by}]${from}`,
        ];
      }),
    );
    const pages = listsIn<ShownPage>(
      list,
      await clientOf(list).data(listQuery(list, aliases, PAGE), { parent: parentOf(list) }),
    );
    for (const index of [...open]) {
      const { totalCount, nodes, edges, pageInfo } = pages[`order${index}`]!;
      const ids = nodes.map(node => node.id);
      if (way === 'forward') met[index]!.push(...ids);
      else met[index]!.unshift(...ids);
      const more = met[index]!.length < total;
      const moved = cursors[index] !== undefined;
      expect(totalCount).toBe(total);
      expect(edges.map(edge => edge.node)).toEqual(nodes);
      expect(pageInfo).toEqual({
        hasNextPage: way === 'forward' ? more : moved,
        hasPreviousPage: way === 'forward' ? moved : more,
        startCursor: edges[0]!.cursor,
        endCursor: edges.at(-1)!.cursor,
      });
      cursors[index] = way === 'forward' ? pageInfo.endCursor : pageInfo.startCursor;
      if (!more) open.delete(index);
      else expect(ids).toHaveLength(PAGE_SIZE);
    }
  }
  return met;
}

describe('the lists tested here', () => {
  test('are all lists of the schema', () => {
    const fields = Object.values(schema.getTypeMap())
      .filter(isObjectType)
      .flatMap(type => Object.values(type.getFields()).map(field => ({ type, field })))
      .filter(({ field }) => getNamedType(field.type).name.endsWith('Connection'))
      .map(({ type, field }) => `${type.name}.${field.name}`)
      // For owners only, and so with tests of its own.
      .filter(coordinate => !coordinate.endsWith('.auditLog'));
    expect(LIST_FIELDS.map(list => list.coordinate).toSorted()).toEqual(fields.toSorted());
  });
});

describe.each(LIST_FIELDS)('$coordinate', list => {
  test('has rows that differ in all that it can be ordered by', async () => {
    const [rows, parameters] = rowsOf(list);
    for (const { field, column } of ordersOf(list).flat()) {
      const values = await gateway.db.asSuperuser(
        `select distinct ${column} from ${rows}`,
        parameters,
      );
      expect(values.length, `Give the rows above several values of ${field}.`).toBeGreaterThan(1);
    }
  });

  test.each(['forward', 'backward'] as const)(
    'gives each row once and in place, %s, in every order',
    async way => {
      const orders = ordersOf(list);
      const expected: string[][] = [];
      for (const order of orders) expected.push(await expectedIds(list, order));
      expect(expected[0]!.length).toBeGreaterThanOrEqual(ROWS);
      expect(await walk(list, orders, way, expected[0]!.length)).toEqual(expected);
    },
  );

  test('gives nothing after its last row and before its first', async () => {
    const ask = async (args: string) => {
      const data = await clientOf(list).data(listQuery(list, { list: args }, PAGE), {
        parent: parentOf(list),
      });
      return listsIn<ShownPage>(list, data).list!;
    };
    const all = await ask('first: 100');
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    const empty = { nodes: [], edges: [], totalCount: all.totalCount };
    const { startCursor, endCursor } = all.pageInfo;
    expect(await ask(`first: 1, after: "${endCursor}"`)).toEqual({
      ...empty,
      pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
    });
    expect(await ask(`last: 1, before: "${startCursor}"`)).toEqual({
      ...empty,
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
    expect(
      (await ask(`first: 100, after: "${endCursor}", before: "${startCursor}"`)).nodes,
    ).toEqual([]);
    expect(
      (await ask(`first: 100, after: "${startCursor}", before: "${endCursor}"`)).nodes,
    ).toEqual(all.nodes.slice(1, -1));
  });
});

describe('the default order', () => {
  const NEWEST_FIRST = [{ field: 'CREATED_AT', column: 'created_at', direction: 'DESC' as const }];
  const DEFAULTS: Record<string, Step[]> = {
    'Query.bots': [{ ...NEWEST_FIRST[0]!, direction: 'ASC' }],
    'Tenant.bots': [{ ...NEWEST_FIRST[0]!, direction: 'ASC' }],
    'Document.chunks': [{ field: 'CHUNK_INDEX', column: 'chunk_index', direction: 'ASC' }],
  };

  test.each(LIST_FIELDS)('of $coordinate is what its description says', async list => {
    const data = await clientOf(list).data(
      listQuery(
        list,
        {
          plain: 'first: 100',
          empty: 'first: 100, orderBy: []',
          nothing: 'first: 100, orderBy: null',
        },
        'nodes { id }',
      ),
      { parent: parentOf(list) },
    );
    const expected = await expectedIds(list, DEFAULTS[list.coordinate] ?? NEWEST_FIRST);
    const shown = Object.values(listsIn<ShownPage>(list, data)).map(page =>
      page.nodes.map(node => node.id),
    );
    expect(shown).toEqual([expected, expected, expected]);
  });

  test('has 20 rows where no size is given', async () => {
    const bot = await tenant.bot();
    for (let nth = 0; nth < 21; nth += 1) await bot.query();
    const { bot: found } = await client.data(
      'query ($id: ID!) { bot(id: $id) { botQueries { nodes { id } pageInfo { hasNextPage } } } }',
      { id: bot.id },
    );
    expect(found.botQueries.nodes).toHaveLength(20);
    expect(found.botQueries.pageInfo.hasNextPage).toBe(true);
  });
});

describe('an operator', () => {
  test('pages through the rows of all tenants', async () => {
    const met: string[] = [];
    let after: string | null = null;
    for (;;) {
      const { bots }: any = await gateway.operator.data(
        'query ($after: String) { bots(first: 7, after: $after) { nodes { id } pageInfo ' +
          '{ hasNextPage endCursor } } }',
        { after },
      );
      met.push(...bots.nodes.map((node: { id: string }) => node.id));
      if (!bots.pageInfo.hasNextPage) break;
      after = bots.pageInfo.endCursor;
    }
    expect(met).toEqual(
      (
        await gateway.db.asSuperuser<{ id: string }>('select id from bots order by created_at, id')
      ).map(row => row.id),
    );
  });
});
