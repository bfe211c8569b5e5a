import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { BotWorld, TenantWorld } from '../../support/world.js';

const RUNS = { numRuns: 30, seed: 20_261_123 };

let gateway: TestGateway;
let tenant: TenantWorld;
let client: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  client = gateway.client((await tenant.key()).secret);
});
afterAll(() => gateway.close());

/** Few different values, so that most rows tie with others; instants lie within one millisecond. */
const anyRow = fc.record({
  created_at: fc.integer({ min: 0, max: 4 }).map(micros => `2026-01-01T00:00:00.00000${micros}Z`),
  latency_ms: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  confidence: fc.constantFrom('high', 'low', undefined),
});
const anyOrder = fc.uniqueArray(
  fc.record({
    field: fc.constantFrom('CREATED_AT', 'LATENCY_MS', 'CONFIDENCE'),
    direction: fc.constantFrom('ASC', 'DESC'),
  }),
  { minLength: 1, maxLength: 3, selector: step => step.field },
);
type Row = typeof anyRow extends fc.Arbitrary<infer R> ? R : never;

/** A bot of its own for each run, asked these questions. */
async function botWith(rows: readonly Row[]): Promise<{ bot: BotWorld; ids: string[] }> {
  const bot = await tenant.bot();
  const ids: string[] = [];
  for (const row of rows) ids.push(await bot.query(row));
  return { bot, ids };
}

interface ShownPage {
  readonly nodes: { readonly id: string }[];
  readonly edges: { readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

async function page(
  bot: BotWorld,
  orderBy: readonly object[],
  args: { first?: number; last?: number; after?: string | null; before?: string | null },
): Promise<ShownPage> {
  const data = await client.data(
    `query ($id: ID!, $orderBy: [BotQueryOrderBy!], $first: Int, $last: Int, $after: String,
      $before: String) { bot(id: $id) {
      botQueries(first: $first, last: $last, after: $after, before: $before, orderBy: $orderBy)
        { nodes { id } edges { cursor }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
    } }`,
    { id: bot.id, orderBy, ...args },
  );
  return data.bot.botQueries;
}

describe('a walk over pages while rows come and go', () => {
  /**
   * What others do between two pages: add rows, and delete some, which may be the one that the
   * cursor stands on.
   */
  const anyChange = fc.record({
    added: fc.array(anyRow, { maxLength: 2 }),
    deleted: fc.array(fc.nat({ max: 1000 }), { maxLength: 3 }),
  });

  test.each(['forward', 'backward'] as const)(
    '%s meets each row that was there throughout once, and none twice',
    async way => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyRow, { maxLength: 12 }),
          anyOrder,
          fc.integer({ min: 1, max: 4 }),
          fc.array(anyChange, { maxLength: 6 }),
          async (rows, orderBy, size, changes) => {
            const { bot, ids } = await botWith(rows);
            const deleted = new Set<string>();
            const met: string[] = [];
            let cursor: string | null = null;
            for (let nth = 0; ; nth += 1) {
              const { nodes, pageInfo } = await page(
                bot,
                orderBy,
                way === 'forward' ? { first: size, after: cursor } : { last: size, before: cursor },
              );
              met.push(...nodes.map(node => node.id));
              if (!(way === 'forward' ? pageInfo.hasNextPage : pageInfo.hasPreviousPage)) break;
              cursor = way === 'forward' ? pageInfo.endCursor : pageInfo.startCursor;
              const change = changes[nth];
              for (const row of change?.added ?? []) await bot.query(row);
              for (const index of change?.deleted ?? []) {
                const id = ids[index % ids.length]!;
                await gateway.db.asSuperuser('delete from bot_queries where id = ?', [id]);
                deleted.add(id);
              }
            }
            expect(new Set(met).size).toBe(met.length);
            for (const id of ids) if (!deleted.has(id)) expect(met).toContain(id);
          },
        ),
        RUNS,
      );
    },
  );
});

describe('a page between any two cursors', () => {
  test('is what the Relay specification makes of the whole list', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRow, { minLength: 1, maxLength: 10 }),
        anyOrder,
        fc.array(
          fc.record({
            way: fc.constantFrom('first', 'last'),
            size: fc.integer({ min: 1, max: 12 }),
            after: fc.option(fc.nat({ max: 9 })),
            before: fc.option(fc.nat({ max: 9 })),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        async (rows, orderBy, asks) => {
          const { bot } = await botWith(rows);
          const all = await page(bot, orderBy, { first: 100 });
          const ids = all.nodes.map(node => node.id);
          expect(ids).toHaveLength(rows.length);
          for (const { way, size, ...ask } of asks) {
            const [after, before] = [ask.after, ask.before].map(place =>
              place === null ? null : place % rows.length,
            );
            // https://relay.dev/graphql/connections.htm#sec-Pagination-algorithm
            const between = ids
              .slice(after === null ? 0 : after! + 1, before === null ? ids.length : before)
              .filter(() => after === null || before === null || after! < before!);
            const expected = way === 'first' ? between.slice(0, size) : between.slice(-size);
            const shown = await page(bot, orderBy, {
              [way]: size,
              after: after === null ? null : all.edges[after!]!.cursor,
              before: before === null ? null : all.edges[before!]!.cursor,
            });
            expect(shown.nodes.map(node => node.id)).toEqual(expected);
            expect(shown.pageInfo).toMatchObject({
              hasNextPage: way === 'first' ? between.length > size : before !== null,
              hasPreviousPage: way === 'last' ? between.length > size : after !== null,
            });
          }
        },
      ),
      RUNS,
    );
  });
});
