import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BotQuery } from '../../../src/bot-queries/bot-query.entity.js';
import { Bot } from '../../../src/bots/bot.entity.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { Tenant } from '../../../src/tenants/tenant.entity.js';
import { deleteRow, insertRow, updateRow } from '../../../src/writes/rows.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World, type BotWorld, type TenantWorld } from '../../support/world.js';

let db: TestDatabase;
let tenant: TenantWorld;
let other: TenantWorld;
let bot: BotWorld;
beforeAll(async () => {
  db = await openTestDatabase();
  const world = new World(db.database);
  tenant = await world.tenant();
  other = await world.tenant({ name: 'Other' });
  bot = await tenant.bot();
});
afterAll(() => db.close());

const write = (work: Parameters<typeof db.database.write<void>>[2]): Promise<void> =>
  db.database.write('test', OPERATOR_SCOPE, work);

describe('insertRow', () => {
  test("writes each value as its column's type, and leaves the rest to the database", async () => {
    const id = v7();
    const sources = [{ a: [1, null], b: `it's "?" $1` }];
    await write(em =>
      insertRow(em, BotQuery, {
        id,
        tenantId: tenant.id,
        botId: bot.id,
        apiKeyId: null,
        query: '{a,b}',
        answer: 'That.',
        latencyMs: 12,
        confidence: undefined,
        sources,
      }),
    );
    expect(
      await db.asSuperuser(
        `select bot_id, query, latency_ms, confidence, sources, created_at <= now() as now
           from bot_queries where id = ?`,
        [id],
      ),
    ).toEqual([
      { bot_id: bot.id, query: '{a,b}', latency_ms: 12, confidence: null, sources, now: true },
    ]);
  });

  test('lets the database refuse what is too long for its column, and cuts nothing', async () => {
    await expect(
      write(em => insertRow(em, Tenant, { id: v7(), name: 'a'.repeat(256) })),
    ).rejects.toMatchObject({ code: '22001' });
  });

  test('knows no property that the entity has not', async () => {
    await expect(
      // @ts-expect-error -- The compiler knows them too.
      write(em => insertRow(em, Tenant, { id: v7(), nickname: 'x' })),
    ).rejects.toThrow('Tenant has no property nickname.');
  });
});

describe('updateRow and deleteRow', () => {
  test('reach the row of that tenant alone', async () => {
    const foreign = { id: bot.id, tenantId: other.id };
    await write(em => updateRow(em, Bot, foreign, { name: 'Taken' }));
    await write(em => deleteRow(em, Bot, foreign));
    await write(em => updateRow(em, Tenant, { id: tenant.id, tenantId: other.id }, { name: 'X' }));
    expect(await db.asSuperuser('select name from bots where id = ?', [bot.id])).toEqual([
      { name: 'Bot' },
    ]);
    expect(
      await db.asSuperuser('select name from tenants where id in (?, ?) order by name', [
        tenant.id,
        other.id,
      ]),
    ).toEqual([{ name: 'Other' }, { name: expect.stringMatching(/^Tenant /) }]);
  });

  test('change and delete it', async () => {
    const made = await tenant.bot();
    const key = { id: made.id, tenantId: tenant.id };
    await write(em => updateRow(em, Bot, key, { name: 'New', config: { a: null } }));
    const rows = () => db.asSuperuser('select name, config_json from bots where id = ?', [made.id]);
    expect(await rows()).toEqual([{ name: 'New', config_json: { a: null } }]);
    await write(em => updateRow(em, Bot, key, {}));
    await write(em => deleteRow(em, Bot, key));
    expect(await rows()).toEqual([]);
  });
});
