import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { foldText } from '../../../src/ops/adoption/fold-text.js';
import { tenantScope } from '../../../src/db/database-scope.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

/** Names in the order in which a person expects them, whatever the database and its locale. */
const IN_ORDER = [
  '(draft)',
  '7 tents',
  'a b',
  'a_b',
  'a-b',
  'ab',
  'æon',
  'ÄPFEL',
  'Éclair',
  'file 2',
  'file 10',
  'file02',
  'file2.b',
  'file10',
  'Łódź',
  'Lz',
  'naïve',
  'Ørsted',
  'oz',
  'resume',
  'Resume',
  'résumé',
  'Résumé',
  'strasse',
  'straße',
  'zebra',
  'Zebra',
  'ελιά',
  'Ζεύς',
  'ель',
  'Жук',
  'йод',
  '한국',
  'あ',
  '😀',
];

/** An address is one user, whatever its case. */
const ADDRESSES = [
  ...new Map(IN_ORDER.toReversed().map(name => [foldText(name), name])).values(),
].toReversed();

let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant({ name: 'Alphabet' });
  client = gateway.client(
    (await tenant.key({ scopes: ['read', 'write', 'search', 'admin'], name: 'mmm' })).secret,
  );
  const bot = await tenant.bot({ name: 'mmm' });
  // Neither in order nor in the order of the ids.
  for (const [nth, name] of IN_ORDER.toSorted(
    (a, b) => ((a.length * 7) % 5) - ((b.length * 7) % 5) || (a < b ? 1 : -1),
  ).entries()) {
    await tenant.bot({ name });
    await bot.document({ filename: nth % 2 ? name.normalize('NFD') : name });
    await tenant.key({ name });
    await gateway.world.insert('tenants', { name });
    if (ADDRESSES.includes(name)) await tenant.user({ email: name });
  }
});
afterAll(() => gateway.close());

const LISTS = {
  bots: ['bots', 'NAME', 'name'],
  documents: ['documents', 'FILENAME', 'filename'],
  apiKeys: ['tenant { apiKeys', 'NAME', 'name'],
  users: ['tenant { users', 'EMAIL', 'email'],
  tenants: ['tenants', 'NAME', 'name'],
} as const;

/** All names of a list by pages of seven. */
async function namesOf(
  list: keyof typeof LISTS,
  direction: 'ASC' | 'DESC',
  way: 'forward' | 'backward' = 'forward',
): Promise<string[]> {
  const [path, field, property] = LISTS[list];
  const asking = list === 'tenants' ? gateway.operator : client;
  const size = way === 'forward' ? 'first: 7, after' : 'last: 7, before';
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const selection =
      `(orderBy: {field: ${field}, direction: ${direction}}, ${size}: $cursor) { nodes { ` +
      `${property} } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }`;
    const data: any = await asking.data(
      `query ($cursor: String) { ${path}${selection}${path.includes('{') ? ' }' : ''} }`,
      { cursor },
    );
    const page: any = (path.includes('{') ? data.tenant : data)[list];
    const found = page.nodes.map((node: Record<string, string>) => node[property]);
    if (way === 'forward') names.push(...found);
    else names.unshift(...found);
    cursor =
      way === 'forward'
        ? page.pageInfo.hasNextPage
          ? page.pageInfo.endCursor
          : null
        : page.pageInfo.hasPreviousPage
          ? page.pageInfo.startCursor
          : null;
  } while (cursor !== null);
  return names.map(name => name.normalize('NFC')).filter(name => IN_ORDER.includes(name));
}

describe('a list by name', () => {
  test.each(Object.keys(LISTS) as (keyof typeof LISTS)[])(
    '%s: has the order of an alphabet, by pages forward and backward, both ways',
    async list => {
      const expected = list === 'users' ? ADDRESSES : IN_ORDER;
      expect(await namesOf(list, 'ASC')).toEqual(expected);
      expect(await namesOf(list, 'DESC')).toEqual(expected.toReversed());
      expect(await namesOf(list, 'ASC', 'backward')).toEqual(expected);
    },
  );

  test('has numbers of up to ten digits by value, longer ones digit by digit', async () => {
    const bot = await tenant.bot();
    const inOrder = [
      'n 7',
      'n 0000000000010',
      'n 12345678901',
      'n 9999999998',
      'n 9999999999',
      'n 99999999990',
      'n 99999999991',
    ];
    for (const filename of inOrder.toReversed()) await bot.document({ filename });
    const { documents } = await client.data(
      '{ documents(filter: {filename: {startsWith: "n "}}, orderBy: {field: FILENAME}) { ' +
        'nodes { filename } } }',
    );
    expect(documents.nodes.map((node: { filename: string }) => node.filename)).toEqual(inOrder);
  });

  test('refuses a cursor of the order by code points that lists had before', async () => {
    const { bots } = await client.data(
      '{ bots(first: 1, orderBy: {field: NAME}) { nodes { id name } } }',
    );
    const { createHash } = await import('node:crypto');
    const position = JSON.stringify([bots.nodes[0].name, bots.nodes[0].id]);
    const digest = createHash('sha256')
      .update(`weaver cursor 1\nbots: name asc, id asc\n${position}`)
      .digest()
      .subarray(0, 8);
    const old = Buffer.concat([digest, Buffer.from(position)]).toString('base64url');
    const { errors } = await client.query(
      'query ($old: String) { bots(after: $old, orderBy: {field: NAME}) { nodes { id } } }',
      { old },
    );
    expect(errors).toMatchObject([
      {
        extensions: { code: 'BAD_USER_INPUT', field: 'after' },
        message: expect.stringContaining('is not a cursor of this list in this order'),
      },
    ]);
  });

  test('reads a page from an index behind the walls, the later ones too', async () => {
    const rows = await gateway.db.asSuperuser<{ id: string }>(`select id from docs limit 1`);
    const plan = await gateway.db.database.write('plan', tenantScope(tenant.id), async em => {
      await em.execute('set local enable_sort = off');
      return em.execute<{ 'QUERY PLAN': string }[]>(
        'explain select filename from docs t where t.tenant_id = ?::uuid and ' +
          '(weaver_sort_key(t.filename), t.id) > (weaver_sort_key(?), ?::uuid) order by ' +
          'weaver_sort_key(t.filename), t.id limit 10',
        [tenant.id, 'file', rows[0]!.id],
      );
    });
    const text = plan.map(row => row['QUERY PLAN']).join('\n');
    expect(text).toContain('using docs_in_alphabet');
    expect(text).toMatch(/Index Cond: .*ROW\(weaver_sort_key/);
  });
});

describe('a text filter', () => {
  const found = async (filter: object): Promise<string[]> =>
    (
      await client.data(
        'query ($filter: DocumentFilter) { documents(filter: $filter, first: 100) { ' +
          'nodes { filename } } }',
        { filter },
      )
    ).documents.nodes.map((node: { filename: string }) => node.filename);

  beforeAll(async () => {
    const bot = await tenant.bot();
    for (const filename of [
      'x ΣΊΣΥΦΟΣ',
      'x STRASSE',
      'x Straße',
      'x STRAẞE',
      'x İSTANBUL',
      'x ISTANBUL',
      'x ıstanbul',
      'x Résumé.pdf',
      'x Re\u0301sume\u0301.pdf',
      'x RÉSUMÉ.PDF',
      'x ﬁle',
      'x Ｆull',
      'x 100%',
      'x 100_',
    ])
      await bot.document({ filename });
  });

  test.each([
    ['σίσυφος', ['x ΣΊΣΥΦΟΣ']],
    ['strasse', ['x STRASSE', 'x STRAẞE', 'x Straße']],
    ['straße', ['x STRASSE', 'x STRAẞE', 'x Straße']],
    ['STRAẞE', ['x STRASSE', 'x STRAẞE', 'x Straße']],
    ['istanbul', ['x ISTANBUL', 'x İSTANBUL', 'x ıstanbul']],
    ['İstanbul', ['x ISTANBUL', 'x İSTANBUL', 'x ıstanbul']],
    ['résumé', ['x RÉSUMÉ.PDF', 'x Re\u0301sume\u0301.pdf', 'x Résumé.pdf']],
    ['RE\u0301SUME\u0301', ['x RÉSUMÉ.PDF', 'x Re\u0301sume\u0301.pdf', 'x Résumé.pdf']],
    ['x resum', []],
    ['x file', ['x ﬁle']],
    ['x full', ['x Ｆull']],
    ['100%', ['x 100%']],
    ['100_', ['x 100_']],
  ])('finds %s in any case and normal form', async (text, expected) => {
    const only = (names: string[]): string[] =>
      names.filter(name => name.startsWith('x ')).toSorted();
    expect(only(await found({ filename: { contains: text } }))).toEqual(expected.toSorted());
    expect(
      only(await found({ filename: { startsWith: text.startsWith('x ') ? text : `X ${text}` } })),
    ).toEqual(expected.toSorted());
  });

  test('of equality heeds case, and finds both normal forms', async () => {
    for (const text of ['x Résumé.pdf', 'x Re\u0301sume\u0301.pdf']) {
      expect((await found({ filename: { eq: text } })).toSorted()).toEqual([
        'x Re\u0301sume\u0301.pdf',
        'x Résumé.pdf',
      ]);
      expect((await found({ filename: { in: [text, 'nothing'] } })).toSorted()).toEqual([
        'x Re\u0301sume\u0301.pdf',
        'x Résumé.pdf',
      ]);
    }
    expect(await found({ filename: { eq: 'x résumé.pdf' } })).toEqual([]);
  });
});
