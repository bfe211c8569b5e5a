import { createRequire } from 'node:module';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Database } from '../../../src/db/database.js';
import { OPERATOR_SCOPE, tenantScope } from '../../../src/db/database-scope.js';
import { runInWrite } from '../../../src/db/run-in-write.js';
import { ENTITIES } from '../../../src/entities.js';
import { Tenant } from '../../../src/tenants/tenant.entity.js';
import { insertRow } from '../../../src/writes/rows.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { postgresAt } from '../../support/postgres-at.js';

const { version } = createRequire(import.meta.url)('pg/package.json') as { version: string };

describe.runIf(inject('template').kind === 'postgres')(`writes on pg ${version}`, () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase({ poolSize: 1 });
  });
  afterAll(() => db.close());

  const addTenant = (name: string): Promise<void> =>
    db.database.write('test', OPERATOR_SCOPE, em => insertRow(em, Tenant, { id: v7(), name }));
  const names = async (): Promise<string[]> =>
    (await db.asSuperuser<{ name: string }>('select name from tenants order by name')).map(
      ({ name }) => name,
    );

  test('do not wait for the answers to what opens their transaction', async () => {
    const { hostname, port } = new URL(db.urls!.login);
    const answers: Socket[] = [];
    const proxy = createServer(near => {
      const far = connect(Number(port), hostname);
      near.pipe(far);
      far.pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
      answers.push(far);
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    const through = Object.assign(new URL(db.urls!.login), {
      host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    });
    const database = await Database.open(postgresAt(through.href, { poolSize: 1 }), ENTITIES);
    try {
      const one = (): Promise<unknown> =>
        database.write('test', OPERATOR_SCOPE, em => runInWrite(em, 'select 1 as one'));
      await one();
      for (const far of answers) far.pause();
      const begun = Promise.withResolvers<void>();
      const writing = database.write('test', OPERATOR_SCOPE, em => {
        begun.resolve();
        return runInWrite(em, 'select 1 as one');
      });
      await begun.promise;
      for (const far of answers) far.resume();
      expect(await writing).toEqual([{ one: 1 }]);
    } finally {
      await database.close();
      proxy.close();
    }
  });

  test('run under their scope from the first statement on, and leave nothing behind', async () => {
    const tenantId = v7();
    const seen = (): Promise<unknown> =>
      db.database.write('test', tenantScope(tenantId), em =>
        runInWrite(
          em,
          `select current_user::text as role, current_setting('app.tenant_id') as tenant`,
        ),
      );
    expect(await seen()).toEqual([{ role: 'weaver_tenant', tenant: tenantId }]);
    expect(
      await db.database.write('test', OPERATOR_SCOPE, em =>
        runInWrite(
          em,
          `select current_user::text as role, current_setting('app.tenant_id') as tenant`,
        ),
      ),
    ).toEqual([{ role: 'weaver_operator', tenant: '' }]);
  });

  test('fail for the reason why their scope could not be opened, and change nothing', async () => {
    await expect(
      db.database.write('test', { role: 'no_such_role' } as never, em =>
        insertRow(em, Tenant, { id: v7(), name: 'Outside of a scope' }),
      ),
    ).rejects.toThrow('role "no_such_role" does not exist');
    // Where nothing else is sent, the scope's failure is found at the end.
    await expect(
      db.database.write('test', { role: 'no_such_role' } as never, async () => {}),
    ).rejects.toThrow('role "no_such_role" does not exist');
    await expect(
      db.database.write('test', { role: 'no_such_role' } as never, () =>
        Promise.reject(new Error('Changed my mind')),
      ),
    ).rejects.toThrow('Changed my mind');
    expect(await names()).not.toContain('Outside of a scope');
    await addTenant('After a failure');
    expect(await names()).toContain('After a failure');
  });

  test('that send nothing, or fail before they do, leave the connection usable', async () => {
    await db.database.write('test', OPERATOR_SCOPE, async () => {});
    await expect(
      db.database.write('test', OPERATOR_SCOPE, () => Promise.reject(new Error('Changed my mind'))),
    ).rejects.toThrow('Changed my mind');
    await addTenant('After nothing');
    expect(await names()).toContain('After nothing');
  });

  test('prepare what comes again and gives no rows, and outlive a new column', async () => {
    const prepared = (): Promise<{ statement: string }[]> =>
      db.database.write('test', OPERATOR_SCOPE, em =>
        runInWrite<{ statement: string }>(
          em,
          `select statement from pg_prepared_statements where name like 'write%'`,
        ),
      );
    for (const name of ['One', 'Two', 'Three', 'Four']) {
      await addTenant(name);
      await db.database.write('test', OPERATOR_SCOPE, em =>
        runInWrite(em, 'update tenants set name = $1 where name = $1 returning *', [name]),
      );
    }
    const statements = await prepared();
    expect(
      statements.filter(({ statement }) => statement.startsWith('insert into tenants')),
    ).toHaveLength(1);
    expect(statements.filter(({ statement }) => statement.includes('returning'))).toEqual([]);

    await db.asSuperuser('alter table tenants add column later text');
    await addTenant('Later');
    await db.database.write('test', OPERATOR_SCOPE, em =>
      runInWrite(em, 'update tenants set name = $1 where name = $1 returning *', ['Later']),
    );
    expect(await names()).toContain('Later');
  });
});
