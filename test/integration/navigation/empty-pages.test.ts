import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
  for (let count = 0; count < 3; count += 1) await (await tenant.bot()).document();
});
afterAll(() => gateway.close());

/** An answer, and which statements it took. */
async function asked(
  query: string,
  variables?: Record<string, unknown>,
): Promise<{ data: any; statements: string[] }> {
  let data: unknown;
  const statements = await gateway.statements(
    async () => (data = await client.data(query, variables)),
  );
  return { data, statements };
}

describe('a page of no objects', () => {
  test.each(['first: 0', 'last: 0'])(
    'takes no statement, where nothing else is asked: %s',
    async page => {
      const { data, statements } = await asked(
        `{ documents(${page}) { nodes { id } edges { cursor node { filename } } pageInfo ` +
          '{ startCursor endCursor } } }',
      );
      expect(data).toEqual({
        documents: { nodes: [], edges: [], pageInfo: { startCursor: null, endCursor: null } },
      });
      expect(statements).toEqual([]);
    },
  );

  test.each(['first: 0', 'last: 0'])('has its list counted: %s', async page => {
    const { data, statements } = await asked(`{ documents(${page}) { totalCount nodes { id } } }`);
    expect(data).toEqual({ documents: { totalCount: 3, nodes: [] } });
    expect(statements).toEqual(['documentsCount']);
  });

  test('says whether the list goes on, as the connection specification has it', async () => {
    const pages = async (args: string, cursor?: string) =>
      (
        await client.data(
          `${cursor ? 'query ($cursor: String) ' : ''}{ documents(${args}) { nodes { id ` +
            '} pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
          { cursor },
        )
      ).documents;
    const ends = (hasNextPage: boolean, hasPreviousPage: boolean) => ({
      nodes: [],
      pageInfo: { hasNextPage, hasPreviousPage, startCursor: null, endCursor: null },
    });
    const { documents } = await client.data('{ documents { edges { cursor } } }');
    const [first, , last] = documents.edges.map((edge: { cursor: string }) => edge.cursor);
    expect(await pages('first: 0')).toEqual(ends(true, false));
    expect(await pages('last: 0')).toEqual(ends(false, true));
    expect(await pages('first: 0, after: $cursor', first)).toEqual(ends(true, true));
    expect(await pages('first: 0, after: $cursor', last)).toEqual(ends(false, true));
    expect(await pages('last: 0, before: $cursor', first)).toEqual(ends(true, false));
    expect(await pages('last: 0, before: $cursor', last)).toEqual(ends(true, true));
    expect(await pages('first: 0, filter: { filename: { eq: "none" } }')).toEqual(
      ends(false, false),
    );
  });

  test('looks for one row of each list, in one statement for all parents', async () => {
    const { data, statements } = await asked(
      '{ bots { nodes { documents(first: 0) { totalCount pageInfo { hasNextPage } } } } }',
    );
    const found = data.bots.nodes.map((bot: any) => bot.documents);
    // The tenant's first bot has none.
    expect(
      found.filter((list: any) => list.totalCount === 1 && list.pageInfo.hasNextPage),
    ).toHaveLength(3);
    expect(
      found.filter((list: any) => list.totalCount === 0 && !list.pageInfo.hasNextPage),
    ).toHaveLength(1);
    expect(statements.toSorted()).toEqual(
      ['bots', 'documentsOfBot', 'documentsOfBotCount'].toSorted(),
    );
  });

  test('has its arguments checked all the same', async () => {
    for (const [args, field] of [
      ['first: 0, last: 0', 'last'],
      ['first: 0, after: "x"', 'after'],
      ['first: 0, filter: { id: { eq: "x" } }', 'filter.id.eq'],
    ]) {
      const { errors } = await client.query(`{ documents(${args}) { nodes { id } } }`);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field } }]);
    }
  });
});
