import { Client as PostgresClient } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { tenantScope } from '../../../src/db/database-scope.js';
import type { Answer, Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { until } from '../../support/row-locks.js';
import type { TenantWorld } from '../../support/world.js';

const VIEWER = '{ viewer { kind } }';
const BOTS = '{ bots { totalCount nodes { name } } }';
const ADD_BOT = 'mutation { createBot(input: { name: "Another" }) { bot { name } } }';
const ADD =
  'mutation ($input: CreateDocumentInput!) { createDocument(input: $input) { document { ' +
  'id status chunks { totalCount } } } }';
const document = (n: number) => ({
  input: { filename: `${n}.md`, text: `Text number ${n}. ${'How to return a tent. '.repeat(100)}` },
});

interface Tenant {
  readonly world: TenantWorld;
  readonly client: Client;
}

async function tenantOf(gateway: TestGateway): Promise<Tenant> {
  const world = await gateway.world.tenant();
  return {
    world,
    client: gateway.client(
      (await world.key({ scopes: ['read', 'search', 'write', 'admin'] })).secret,
    ),
  };
}

/** The same answers, and whether they have all come. */
function gathered(answers: Promise<Answer>[]): { all: Promise<Answer[]>; count: () => number } {
  let count = 0;
  for (const answer of answers)
    void answer.then(
      () => (count += 1),
      () => {},
    );
  return { all: Promise.all(answers), count: () => count };
}

/** What another tenant, and whoever runs the gateway, are answered. */
async function othersAreServed(gateway: TestGateway, other: Tenant): Promise<void> {
  expect(await other.client.data(VIEWER)).toEqual({ viewer: { kind: 'API_KEY' } });
  expect((await other.client.data(BOTS)).bots.totalCount).toBe(1);
  expect((await other.client.data(ADD, document(0))).createDocument.document.status).toBe(
    'COMPLETED',
  );
  expect((await other.client.data(ADD_BOT)).createBot.bot.name).toBe('Another');
  expect(
    (await gateway.operator.data('{ tenants(first: 1) { nodes { id } } }')).tenants.nodes,
  ).toHaveLength(1);
  expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  expect((await gateway.client('wvr_nobody_has_this_one_at_all').query(VIEWER)).status).toBe(401);
  expect((await gateway.client().query('{ __typename }')).status).toBe(200);
  const many = await Promise.all(Array.from({ length: 10 }, () => other.client.query(BOTS)));
  expect(many.map(({ status }) => status)).toEqual(Array(10).fill(200));
}

describe.runIf(inject('template').kind === 'postgres')(
  'while everything that one tenant asks waits for a lock',
  () => {
    let gateway: TestGateway;
    let busy: Tenant;
    let other: Tenant;
    let locker: PostgresClient;

    async function start(options: Parameters<typeof startTestGateway>[0]): Promise<void> {
      gateway = await startTestGateway(options);
      [busy, other] = [await tenantOf(gateway), await tenantOf(gateway)];
      locker = new PostgresClient({ connectionString: gateway.db.urls!.admin });
      await locker.connect();
      await locker.query(
        'create function gate() returns boolean language plpgsql as $$ begin perform ' +
          'pg_advisory_xact_lock_shared(7); return true; end $$',
      );
      // Reads of its bots wait where somebody holds the gate.
      await locker.query(
        'create policy gate on bots as restrictive for select using (case ' +
          `when tenant_id = '${busy.world.id}' then gate() else true end)`,
      );
    }
    afterEach(async () => {
      await locker.end();
      await gateway.close();
    });

    const waiting = async (): Promise<number> =>
      (
        await gateway.db.asSuperuser<{ n: number }>(
          'select count(*)::int as n from pg_stat_activity ' +
            "where datname = current_database() and wait_event_type = 'Lock'",
        )
      )[0]!.n;
    const lockTenant = (): Promise<unknown> =>
      locker
        .query('begin')
        .then(() =>
          locker.query('select 1 from tenants where id = $1 for update', [busy.world.id]),
        );
    const lockGate = (): Promise<unknown> =>
      locker.query('begin').then(() => locker.query('select pg_advisory_xact_lock(7)'));

    test.each([2, 3, 5, 10])(
      'be it 40 writes, others are served with %i connections, and then it is too',
      async poolSize => {
        await start({ poolSize });
        await lockTenant();
        const writes = gathered(
          Array.from({ length: 40 }, (_, n) => busy.client.query(ADD, document(n))),
        );
        await until(async () => (await waiting()) > 0);
        await othersAreServed(gateway, other);
        expect(writes.count()).toBe(0);
        await locker.query('commit');
        expect((await writes.all).map(({ status, errors }) => errors ?? status)).toEqual(
          Array(40).fill(200),
        );
      },
    );

    test.each([2, 10])(
      'be it 40 reads, others are served with %i connections, and then it is too',
      async poolSize => {
        await start({ poolSize });
        await lockGate();
        const reads = gathered(Array.from({ length: 40 }, () => busy.client.query(BOTS)));
        await until(async () => (await waiting()) > 0);
        await othersAreServed(gateway, other);
        expect(reads.count()).toBe(0);
        await locker.query('commit');
        expect((await reads.all).map(({ status, errors }) => errors ?? status)).toEqual(
          Array(40).fill(200),
        );
      },
    );

    test('others are served, though more of them than run at once use several keys', async () => {
      await start({
        poolSize: 10,
        env: { WEAVER_MAX_OPERATIONS_AT_ONCE: '16', WEAVER_MAX_OPERATIONS_IN_QUEUE: '100' },
      });
      const second = gateway.client((await busy.world.key({ scopes: ['read'] })).secret);
      await lockGate();
      const reads = gathered(
        [busy.client, second].flatMap(client =>
          Array.from({ length: 30 }, () => client.query(BOTS)),
        ),
      );
      await until(async () => (await waiting()) > 0);
      await othersAreServed(gateway, other);
      expect(reads.count()).toBe(0);
      await locker.query('commit');
      expect((await reads.all).map(({ status }) => status)).toEqual(Array(60).fill(200));
    });

    test('only so many of its writes have a connection, and its own reads go on', async () => {
      await start({ poolSize: 10, writesAtOnce: 2 });
      await lockTenant();
      const writes = gathered(
        Array.from({ length: 40 }, (_, n) => busy.client.query(ADD, document(n))),
      );
      await until(async () => (await waiting()) === 2);
      expect((await busy.client.data(BOTS)).bots.totalCount).toBe(1);
      expect(await waiting()).toBe(2);
      await locker.query('commit');
      expect((await writes.all).map(({ status }) => status)).toEqual(Array(40).fill(200));
    });

    test('writes that wait too long are refused, change nothing and leave their room', async () => {
      await start({ poolSize: 10, env: { WEAVER_MAX_OPERATION_MS: '1500' } });
      await lockTenant();
      const writes = await Promise.all(
        Array.from({ length: 20 }, (_, n) => busy.client.query(ADD, document(n))),
      );
      for (const { status, errors } of writes)
        expect([status, errors]).toMatchObject([
          503,
          [{ extensions: { code: 'UNAVAILABLE', retryAfterMs: 1000 } }],
        ]);
      await locker.query('commit');
      expect((await busy.client.data('{ documents { totalCount } }')).documents.totalCount).toBe(0);
      expect((await busy.client.data(ADD, document(0))).createDocument.document.status).toBe(
        'COMPLETED',
      );
    });

    test('whoever goes away while they wait holds up nobody, and has changed nothing', async () => {
      await start({ poolSize: 10, writesAtOnce: 1 });
      const { secret } = await busy.world.key({ scopes: ['write', 'read'] });
      await lockTenant();
      const first = busy.client.query(ADD, document(1));
      await until(async () => (await waiting()) === 1);
      const gone = new AbortController();
      const left = fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        signal: gone.signal,
        body: JSON.stringify({ query: ADD, variables: document(2) }),
      }).catch(() => 'gone');
      // Until its token has been looked up and its text embedded.
      await new Promise(resolve => setTimeout(resolve, 300));
      const last = busy.client.query(ADD, document(3));
      gone.abort();
      expect(await left).toBe('gone');
      await locker.query('commit');
      expect([(await first).status, (await last).status]).toEqual([200, 200]);
      const { documents } = await busy.client.data('{ documents { nodes { filename } } }');
      expect(
        documents.nodes.map(({ filename }: { filename: string }) => filename).toSorted(),
      ).toEqual(['1.md', '3.md']);
    });
  },
);

describe('with one connection, as the embedded database has', () => {
  let gateway: TestGateway;
  let busy: Tenant;
  let other: Tenant;

  beforeAll(async () => {
    gateway = await startTestGateway({ poolSize: 1 });
    [busy, other] = [await tenantOf(gateway), await tenantOf(gateway)];
  });
  afterAll(async () => gateway?.close());

  /** Holds the connection until `asked` have all been sent, and so waits for their turns. */
  async function afterAnother<T>(ask: () => Promise<T>): Promise<T> {
    const held = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const holding = gateway.db.database.write('testHeld', tenantScope(busy.world.id), async em => {
      await em.execute('select 1');
      entered.resolve();
      await held.promise;
    });
    await entered.promise;
    try {
      const answers = ask();
      await new Promise(resolve => setTimeout(resolve, 300));
      held.resolve();
      return await answers;
    } finally {
      held.resolve();
      await holding;
    }
  }

  test.each([
    ['writes', (n: number) => busy.client.query(ADD, document(n))],
    ['reads', () => busy.client.query(BOTS)],
  ])(
    'one of another tenant goes before 40 %s of the first, whose tokens were all looked up before',
    async (_, ask) => {
      const order: string[] = [];
      await afterAnother(async () => {
        const many = Array.from({ length: 40 }, (_unused, n) =>
          ask(n).then(({ status }) => void order.push(`many ${status}`)),
        );
        const few = other.client.query(BOTS).then(({ status }) => void order.push(`few ${status}`));
        await Promise.all([...many, few]);
      });
      expect(order.filter(entry => entry === 'many 200')).toHaveLength(40);
      expect(order.indexOf('few 200')).toBeLessThan(5);
    },
  );

  test('operations of several tenants that write and then read are all answered', async () => {
    const third = await tenantOf(gateway);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        [busy, other, third][n % 3]!.client.query(
          'mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { id ' +
            'tenant { id bots { totalCount } } } } }',
          { input: { name: `Bot ${n}` } },
        ),
      ),
    );
    expect(answers.map(({ status, errors }) => errors ?? status)).toEqual(Array(30).fill(200));
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  });
});
