import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { Database } from '../../../src/db/database.js';
import {
  enterTenantOfRowSql,
  enterTenantSql,
  OPERATOR_SCOPE,
  tenantScope,
} from '../../../src/db/database-scope.js';
import type { OperationReads } from '../../../src/db/operation-reads.js';
import { statement } from '../../../src/db/statement.js';
import { ENTITIES } from '../../../src/entities.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World, type TenantWorld } from '../../support/world.js';
import { postgresAt } from '../../support/postgres-at.js';

/** The driver's own names. */
interface DriverConnection {
  readonly stream: Socket;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly unknown[] }): void;
}

const onPostgres = inject('template').kind === 'postgres';
/** `now()` is when the transaction began. */
const BEGAN = statement(
  'began',
  'select now()::text as at, current_user::text as role, ' +
    "current_setting('app.tenant_id') as tenant",
);
const COUNT_BOTS = statement('countBots', 'select count(*)::int as n from bots');
const FAILS = statement('fails', 'select 1 / 0');
const SLEEPS = statement('sleeps', 'select pg_sleep($1)');

let db: TestDatabase;
let tenant: TenantWorld;
/** Whatever nobody caught would end the gateway's process. */
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', note);
  db = await openTestDatabase({ poolSize: 1 });
  tenant = await new World(db.database).tenant();
});
afterEach(() => {
  if (unhandled.length > 0)
    throw new AggregateError(unhandled.splice(0), 'Nobody handled a rejection.');
});
afterAll(async () => {
  process.off('unhandledRejection', note);
  await db.close();
});

const reads = (): OperationReads => db.database.reads(tenantScope(tenant.id));
const began = async (scope: OperationReads): Promise<unknown> =>
  (await scope.query<{ at: string }>(BEGAN, []))[0]!.at;
const mine = { role: 'weaver_tenant', at: expect.any(String) };

/**
 * node-postgres' pool of a database: how many connections there are, are free and are waited for.
 */
async function poolOf(database: Database): Promise<Pool> {
  return (await (
    database.orm.em.getDriver().getConnection() as unknown as { getNativeClient(): Promise<Pool> }
  ).getNativeClient()) as Pool;
}

describe('the reads of an operation', () => {
  test('share one transaction while each level follows the one before', async () => {
    const scope = reads();
    const first = await began(scope);
    const [second, third] = await Promise.all([began(scope), began(scope)]);
    expect([second, third, await began(scope)]).toEqual([first, first, first]);
  });

  test('that were asked for at once fail for the reason of the first that did', async () => {
    const scope = reads();
    const asked = [scope.query(FAILS, []), scope.query(BEGAN, []), scope.query(COUNT_BOTS, [])];
    const reasons = (await Promise.allSettled(asked)).map(
      result => (result as { reason?: { code?: unknown } }).reason?.code,
    );
    expect(reasons).toEqual(['22012', '22012', '22012']);
    expect(await scope.query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
  });

  test('begin another after other work, and leave the only connection meanwhile', async () => {
    const scope = reads();
    const first = await began(scope);
    const others = Promise.all(Array.from({ length: 5 }, () => reads().query(COUNT_BOTS, [])));
    await sleep(50);
    expect(await others).toHaveLength(5);
    expect(await began(scope)).not.toBe(first);
  });

  test('wait for each other, never in each other, on one connection', async () => {
    const other = await new World(db.database).tenant();
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const asked = index % 2 ? tenant : other;
        const scope = db.database.reads(tenantScope(asked.id));
        const levels = [await scope.query(BEGAN, []), await scope.query(BEGAN, [])];
        return levels.flat().every(row => (row as { tenant: string }).tenant === asked.id);
      }),
    );
    expect(answers).toEqual(answers.map(() => true));
  });

  test('go on in another scope within one transaction, and see only the rows of it', async () => {
    const other = await new World(db.database).tenant();
    const lookUp = db.database.reads(OPERATOR_SCOPE);
    const [looked] = await lookUp.query<{ at: string; role: string }>(BEGAN, []);
    const scope = lookUp.continueAs(tenantScope(other.id));
    expect(await scope.query(BEGAN, [])).toEqual([
      { role: 'weaver_tenant', tenant: other.id, at: looked!.at },
    ]);
    expect(looked!.role).toBe('weaver_operator');
    expect(await scope.query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
    expect(await reads().query(BEGAN, [])).toEqual([{ ...mine, tenant: tenant.id }]);
  });

  test('go on as the tenant that a statement has entered, and as nobody else', async () => {
    const other = await new World(db.database).tenant();
    const enters = statement(
      'enters',
      `select id, ${enterTenantOfRowSql('id', 'id = $1')} from tenants`,
    );
    for (const claimed of [tenant.id, other.id]) {
      const lookUp = db.database.reads(OPERATOR_SCOPE);
      await lookUp.queryAndEnterTenant(enters, [claimed]);
      // Whatever was entered: whoever asks under another scope gets that one.
      for (const asked of claimed === tenant.id ? [tenant] : [tenant, other]) {
        expect(await lookUp.continueAs(tenantScope(asked.id)).query(BEGAN, [])).toMatchObject([
          { role: 'weaver_tenant', tenant: asked.id },
        ]);
      }
    }
    const unknown = db.database.reads(OPERATOR_SCOPE);
    await unknown.queryAndEnterTenant(enters, ['0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10']);
    expect(await unknown.query(BEGAN, [])).toMatchObject([{ role: 'weaver_operator' }]);
  });

  test('go on as the tenant that was named before, whatever the statement finds', async () => {
    const confirmed = Promise.resolve();
    const bounds = { statementMs: 30_000, lockMs: 10_000, signal: new AbortController().signal };
    const finds = statement(
      'finds',
      `select 'x' where false union all select ${enterTenantSql('$1')}`,
    );
    const lookUp = db.database.reads(OPERATOR_SCOPE);
    const found = lookUp.queryAndEnter(finds, [tenant.id], tenant.id);
    const scope = lookUp.continueAs(tenantScope(tenant.id), { ...bounds, confirmed });
    expect(await scope.query(BEGAN, [])).toMatchObject([
      { role: 'weaver_tenant', tenant: tenant.id },
    ]);
    expect(await scope.query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
    await found;
  });

  test(
    'on the embedded database let others be heard between statements, and end in time',
    { skip: onPostgres },
    async () => {
      const over = new AbortController();
      const scope = db.database.reads(tenantScope(tenant.id), {
        statementMs: 30_000,
        lockMs: 10_000,
        signal: over.signal,
      });
      const asked = Array.from({ length: 5 }, () => scope.query(COUNT_BOTS, []));
      // A promise would be heard of between them in any case; a timer, or a byte from the network,
      // is not.
      void asked[0]!.then(() => setImmediate(() => over.abort(new Error('over'))));
      const answers = await Promise.allSettled(asked);
      expect(answers[0]).toEqual({ status: 'fulfilled', value: [{ n: 1 }] });
      expect(answers.at(-1)).toMatchObject({ status: 'rejected', reason: { message: 'over' } });
      expect(await began(reads())).toEqual(expect.any(String));
    },
  );

  test('go on in a new transaction after one failed', async () => {
    const scope = reads();
    await expect(scope.query(FAILS, [])).rejects.toThrow('division by zero');
    expect(await scope.query(BEGAN, [])).toEqual([{ ...mine, tenant: tenant.id }]);
  });

  test('that failed do not use up connections', async () => {
    for (let round = 0; round < 10; round += 1) {
      const scope = reads();
      const answers = await Promise.allSettled([
        scope.query(FAILS, []),
        scope.query(FAILS, []),
        scope.query(COUNT_BOTS, []),
      ]);
      expect(answers[0].status).toBe('rejected');
    }
    expect(await reads().query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
  });

  test('that nobody waits for disturb nobody', async () => {
    reads()
      .query(FAILS, [])
      .catch(() => {});
    void reads().query(COUNT_BOTS, []);
    expect(await reads().query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
  });
});

describe('a write', () => {
  const insert = (name: string): [string, string[]] => [
    'insert into bots (tenant_id, name) values (?, ?)',
    [tenant.id, name],
  ];
  const named = (name: string): Promise<unknown[]> =>
    db.asSuperuser('select 1 from bots where name = ?', [name]);

  test('is rolled back as a whole where its work fails', async () => {
    const work = db.database.write('half', tenantScope(tenant.id), async em => {
      await em.execute(...insert('Half'));
      throw new Error('No second half.');
    });
    await expect(work).rejects.toThrow('No second half.');
    expect(await named('Half')).toEqual([]);
  });

  test('is rolled back as a whole where a statement fails', async () => {
    const work = db.database.write('half', tenantScope(tenant.id), async em => {
      await em.execute(...insert('Half'));
      await em.execute('select 1 / 0');
    });
    await expect(work).rejects.toThrow('division by zero');
    expect(await named('Half')).toEqual([]);
    expect(await reads().query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
  });

  test('refuses another write inside itself', async () => {
    const work = db.database.write('outer', tenantScope(tenant.id), () =>
      db.database.write('inner', OPERATOR_SCOPE, async em => em.execute('select 1')),
    );
    await expect(work).rejects.toThrow('"inner" opened inside the write "outer"');
  });

  test('refuses reads of its own inside itself, whenever their scope was made', async () => {
    const scope = reads();
    const work = db.database.write('outer', tenantScope(tenant.id), () =>
      scope.query(COUNT_BOTS, []),
    );
    await expect(work).rejects.toThrow('inside the write "outer"');
    expect(await scope.query(COUNT_BOTS, [])).toEqual([{ n: 1 }]);
  });

  test('takes its turn with reads and other writes', async () => {
    const writes = Array.from({ length: 5 }, (_, index) =>
      db.database.write('turn', tenantScope(tenant.id), async em => {
        await em.execute(...insert(`Turn ${index}`));
        return (await em.execute<{ role: string }[]>('select current_user::text as role'))[0]!.role;
      }),
    );
    const counts = Array.from({ length: 5 }, () => reads().query(BEGAN, []));
    expect(await Promise.all(writes)).toEqual(writes.map(() => 'weaver_tenant'));
    expect((await Promise.all(counts)).flat()).toEqual(
      writes.map(() => ({ ...mine, tenant: tenant.id })),
    );
    expect(
      await db.asSuperuser(`delete from bots where name like 'Turn %' returning 1`),
    ).toHaveLength(5);
  });
});

describe.runIf(onPostgres)('on PostgreSQL', () => {
  test('the pool has its connection back once an operation rests', async () => {
    const pool = await poolOf(db.database);
    await reads().query(COUNT_BOTS, []);
    await reads()
      .query(FAILS, [])
      .catch(() => {});
    await sleep(20);
    expect({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({
      total: 1,
      idle: 1,
      waiting: 0,
    });
  });

  test('all levels of an operation see one state of the data', async () => {
    const scope = reads();
    const before = await scope.query(COUNT_BOTS, []);
    const rest = scope.query(SLEEPS, [0.2]);
    await db.asSuperuser(`insert into bots (tenant_id, name) values (?, 'Later')`, [tenant.id]);
    expect(await scope.query(COUNT_BOTS, [])).toEqual(before);
    await rest;
    expect(await reads().query(COUNT_BOTS, [])).toEqual([{ n: 2 }]);
    await db.asSuperuser(`delete from bots where name = 'Later'`);
  });

  test('a statement that takes too long or is cancelled leaves nothing behind', async () => {
    const pid = statement('pid', 'select pg_backend_pid() as pid');
    await db.asSuperuser(
      "do $$ begin execute format('alter database %I set statement_timeout = 200', " +
        'current_database()); end $$',
    );
    const limited = await another();
    try {
      const scope = limited.reads(tenantScope(tenant.id));
      await expect(scope.query(SLEEPS, [5])).rejects.toMatchObject({ code: '57014' });
      expect(await scope.query(BEGAN, [])).toEqual([{ ...mine, tenant: tenant.id }]);

      const cancelled = limited.reads(tenantScope(tenant.id));
      const [{ pid: backend }] = (await cancelled.query<{ pid: number }>(pid, [])) as [
        { pid: number },
      ];
      const sleeping = cancelled.query(SLEEPS, [0.15]);
      await Promise.all([
        expect(sleeping).rejects.toMatchObject({ code: '57014' }),
        sleep(50).then(() => db.asSuperuser('select pg_cancel_backend(?)', [backend])),
      ]);
      await sleep(20);
      const [left] = await limited.orm.em
        .getDriver()
        .getConnection()
        .execute(
          "select current_user::text as role, current_setting('app.tenant_id', true) as " +
            'tenant, pg_backend_pid() as pid',
        );
      expect(left).toEqual({ role: new URL(db.urls!.login).username, tenant: '', pid: backend });
    } finally {
      await limited.close();
      await db.asSuperuser(
        "do $$ begin execute format('alter database %I reset statement_timeout', " +
          'current_database()); end $$',
      );
    }
  });

  describe('with a login that may not take the role', () => {
    let admin: Client;
    let database: Database;
    const login = `weaver_excluded_${process.pid}`;

    beforeAll(async () => {
      admin = new Client({ connectionString: db.urls!.admin });
      await admin.connect();
      await admin.query(
        `create role ${login} login noinherit password 'secret'; grant weaver_tenant, ` +
          `weaver_operator to ${login}`,
      );
      // What a statement could reach that ran outside its role: rows without any policy, and a
      // counter that says whether it ran.
      await admin.query(
        "create table open_rows as select 'seen' as text; create sequence runs; grant " +
          `select on open_rows to ${login}, weaver_operator; grant usage on sequence runs ` +
          `to ${login}, weaver_operator`,
      );
      database = await another({ user: login, password: 'secret' });
    });
    afterAll(async () => {
      await database.close();
      await admin.query(`drop table open_rows; drop sequence runs; drop role ${login}`);
      await admin.end();
    });

    const runs = async (): Promise<boolean> =>
      (await admin.query('select is_called from runs')).rows[0].is_called as boolean;

    test('no statement runs outside the role, in reads or in writes', async () => {
      expect(await database.reads(tenantScope(tenant.id)).query(COUNT_BOTS, [])).toEqual([
        { n: 1 },
      ]);
      await admin.query(`revoke weaver_tenant from ${login}`);

      for (const text of ['select text from open_rows', `select nextval('runs')`]) {
        const scope = database.reads(tenantScope(tenant.id));
        // The first one opens the transaction; the others are behind it on the wire.
        const answers = await Promise.allSettled(
          [1, 2, 3].map(n => scope.query(statement('outside', `${text} /* ${n} */`), [])),
        );
        for (const answer of answers)
          expect(answer).toMatchObject({
            status: 'rejected',
            reason: { code: '42501', message: expect.stringContaining('weaver_tenant') },
          });
        // Nor in the role that the transaction had before.
        const lookUp = database.reads(OPERATOR_SCOPE);
        expect(await lookUp.query(BEGAN, [])).toMatchObject([{ role: 'weaver_operator' }]);
        const continued = lookUp.continueAs(tenantScope(tenant.id));
        const later = await Promise.allSettled(
          [1, 2, 3].map(n => continued.query(statement('later', `${text} /* later ${n} */`), [])),
        );
        for (const answer of later)
          expect(answer).toMatchObject({
            status: 'rejected',
            reason: { code: '42501', message: expect.stringContaining('weaver_tenant') },
          });
        await expect(
          database.write('outside', tenantScope(tenant.id), em => em.execute(text)),
        ).rejects.toMatchObject({ code: '42501' });
      }
      expect(await runs()).toBe(false);
      await expect(database.ping(), 'the operator role is still there').resolves.toBeUndefined();
    });

    test('readiness says so, and all is well as soon as the role is back', async () => {
      await admin.query(`revoke weaver_operator from ${login}`);
      await expect(database.ping()).rejects.toMatchObject({ code: '42501' });
      await admin.query(`grant weaver_tenant, weaver_operator to ${login}`);
      await database.ping();
      expect(await database.reads(tenantScope(tenant.id)).query(COUNT_BOTS, [])).toEqual([
        { n: 1 },
      ]);
    });

    test('no rows are shown where entering the scope fails inside the transaction', async () => {
      const pool = await poolOf(database);
      const client = await pool.connect();
      const { connection } = client as unknown as { connection: DriverConnection };
      const bind = connection.bind.bind(connection);
      // As if the server had been told to cancel the very statement that begins.
      connection.bind = message => {
        if (!message.statement.startsWith('begin')) return bind(message);
        connection.parse({ name: '', text: 'select 1 / 0' });
        bind({ statement: '', values: [] });
      };
      client.release();
      await expect(
        database
          .reads(tenantScope(tenant.id))
          .query(statement('unscoped', 'select text from open_rows'), []),
      ).rejects.toThrow('division by zero');
      await sleep(20);
      expect(
        await database.reads(tenantScope(tenant.id)).query(COUNT_BOTS, []),
        'on a new connection',
      ).toEqual([{ n: 1 }]);
    });
  });

  test('are committed before a write that has their connection begins', async () => {
    const database = await another();
    try {
      const client = await (await poolOf(database)).connect();
      const { stream } = (client as unknown as { connection: DriverConnection }).connection;
      client.release();
      const write = stream.write;
      let letters = '';
      stream.write = function (chunk: Buffer, ...rest: never[]) {
        letters += String.fromCharCode(chunk[0]!);
        return write.call(stream, chunk, ...rest);
      } as typeof write;
      const ask = async (): Promise<unknown> =>
        (await database.reads(tenantScope(tenant.id)).query(BEGAN, []))[0];
      // So that all is known to the connection.
      for (let times = 0; times < 4; times += 1) await ask();
      await sleep(20);
      letters = '';
      await ask();
      await database.write('next', tenantScope(tenant.id), em => em.execute('select 1'));
      // `begin`, the settings and the statement; `commit`; and then what the write begins with.
      expect(letters).toMatch(/^(?:BE){3}S(?:BE)S[QP]/);
      letters = '';
      await sleep(20);
      await Promise.all([ask(), ask()]);
      // The first `commit` leaves with what comes next.
      expect(letters).toBe(`${'BE'.repeat(3)}S${'BE'.repeat(4)}S`);
    } finally {
      await database.close();
    }
  });

  /** The same database, opened once more with one connection. */
  async function another(as?: { user: string; password: string }): Promise<Database> {
    const url = new URL(db.urls!.login);
    if (as) Object.assign(url, { username: as.user, password: as.password });
    return Database.open(postgresAt(url.href, { poolSize: 1 }), ENTITIES);
  }
});
