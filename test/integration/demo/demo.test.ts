import { afterEach, describe, expect, test } from 'vitest';
import { COMMAND_LINE } from '../../../src/auth/caller.js';
import { createBot } from '../../../src/bots/bot.service.js';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { ReadModels } from '../../../src/db/read-model.js';
import { demoId } from '../../../src/demo/demo-content.js';
import { seedDemo } from '../../../src/demo/seed-demo.js';
import { createEmbedder } from '../../../src/embedders/create-embedder.js';
import { createTenant } from '../../../src/tenants/tenant.service.js';
import { notRecorded } from '../../../src/writes/audit.js';
import { change } from '../../../src/writes/change.js';
import { operatorDb, transactionDb } from '../../../src/writes/db.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';

let db: TestDatabase;
afterEach(() => db.close());

const embedder = createEmbedder({ provider: 'hashing' });

function rows<R extends object>(sql: string): Promise<R[]> {
  return db.database.write('test', OPERATOR_SCOPE, em => em.execute<R[]>(sql));
}

describe('the demo data', () => {
  test('is made by the verbs of the API: the audit log tells who made what', async () => {
    db = await openTestDatabase();
    await seedDemo(db.database, embedder);
    const actions = await rows<{ action: string; count: number }>(
      'select action, count(*)::int as count from audit_log ' +
        `where tenant_id = '${demoId('harbor-outdoor')}' and actor_kind = 'command_line' ` +
        'group by action order by action',
    );
    expect(actions).toEqual([
      { action: 'addChunks', count: 11 },
      { action: 'createApiKey', count: 4 },
      { action: 'createBot', count: 3 },
      { action: 'createDocument', count: 23 },
      { action: 'createTenant', count: 1 },
      { action: 'createUser', count: 5 },
      { action: 'deleteBot', count: 1 },
      { action: 'recordBotQuery', count: 1 },
      { action: 'revokeApiKey', count: 1 },
      { action: 'updateDocument', count: 1 },
    ]);
    const bots = await rows<{ id: string }>(
      `select id from bots where tenant_id = '${demoId('harbor-outdoor')}' order by created_at`,
    );
    expect(bots.map(({ id }) => id)).toEqual(
      ['gear-guide', 'store-handbook', 'customer-help']
        .reverse()
        .map(slug => demoId('harbor-outdoor', slug)),
    );
  });

  test('leaves nothing of a tenant that fails, and all of those before it', async () => {
    db = await openTestDatabase();
    const { id } = await createTenant(operatorDb(db.database), COMMAND_LINE, { name: 'Other' });
    const taken = demoId('larkfield-clinic', 'staff-handbook');
    await createBot(operatorDb(db.database), COMMAND_LINE, {
      id: taken,
      tenantId: id,
      name: 'Has the id of a demo bot',
    });
    await expect(seedDemo(db.database, embedder)).rejects.toThrow('must be unique');
    expect(await rows('select name from tenants order by name')).toEqual([
      { name: 'Harbor Outdoor' },
      { name: 'Other' },
    ]);
    const clinic = demoId('larkfield-clinic');
    expect(await rows(`select 1 from audit_log where tenant_id = '${clinic}'`)).toEqual([]);
  });
});

describe('verbs in one transaction', () => {
  test('are repeated alone after a conflict, and stored together', async () => {
    db = await openTestDatabase();
    const models = new ReadModels(db.database.orm);
    let runs = 0;
    const tenantId = await db.database.write('together', OPERATOR_SCOPE, async em => {
      const inside = transactionDb(em, models);
      const tenant = await createTenant(inside, COMMAND_LINE, { name: 'Together' });
      await change(inside, COMMAND_LINE, {
        verb: 'conflicting',
        input: {},
        async work(nested) {
          runs += 1;
          await nested.execute(`insert into bots (tenant_id, name) values (?, ?)`, [
            tenant.id,
            `Run ${runs}`,
          ]);
          if (runs === 1)
            await nested.execute(
              "do $$ begin raise exception 'conflict' using errcode = '40001'; end $$",
            );
          return { outcome: {}, audit: notRecorded('A test.') };
        },
      });
      return tenant.id;
    });
    expect(runs).toBe(2);
    expect(
      await rows(`select name from bots where tenant_id = '${tenantId}' order by name`),
    ).toEqual([{ name: 'Run 2' }, { name: 'Together Bot' }]);
  });
});
