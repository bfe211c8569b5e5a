import { Client as PgClient } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { TenantWorld } from '../../support/world.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

const onPostgres = inject('template').kind === 'postgres';

let world: WriteWorld;

beforeAll(async () => {
  world = await startWriteWorld({ poolSize: 8 });
});
afterAll(() => world.gateway.close());

/** What the tenant's row says, and what its documents come to. */
async function both({ id }: TenantWorld): Promise<{ said: number; sum: number }> {
  const [row] = await world.rows<{ said: string; sum: string }>(
    'select storage_used_bytes::text as said, (select coalesce(sum(size_bytes), 0)::text ' +
      'from docs where tenant_id = t.id) as sum from tenants t where id = ?',
    [id],
  );
  return { said: Number(row!.said), sum: Number(row!.sum) };
}

async function expectTrue(...tenants: TenantWorld[]): Promise<void> {
  for (const tenant of tenants) {
    const { said, sum } = await both(tenant);
    expect(said).toBe(sum);
  }
}

function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return below => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % below;
}

describe('Tenant.storageUsedBytes', () => {
  test.each([1, 2, 3])(
    'is the sum of the documents, however many calls change them at once (%i)',
    async seed => {
      const next = randomNumbers(seed);
      const tenant = await world.gateway.world.tenant();
      const client = world.gateway.client((await tenant.key({ scopes: ['read', 'write'] })).secret);
      const codes = new Set<string>();
      const act = async (mutation: string, input: object): Promise<void> => {
        const { errors } = await world.run(mutation, input, '__typename', client);
        codes.add(errors?.[0]?.extensions.code ?? 'done');
      };
      const one = async (table: string): Promise<{ id: string; name: string } | undefined> => {
        const rows = await world.rows<{ id: string; name: string }>(
          `select id, ${table === 'docs' ? 'filename' : 'name'} as name from ${table} ` +
            'where tenant_id = ?',
          [tenant.id],
        );
        return rows[next(rows.length)];
      };
      const actions = [
        () => act('createDocument', { filename: 'f', sourceUri: 'gs://x', sizeBytes: next(1_000) }),
        () => act('createDocument', { filename: 'f', text: 'x'.repeat(1 + next(3_000)) }),
        async () =>
          act('createDocument', {
            filename: 'f',
            botId: (await one('bots'))!.id,
            sourceUri: 'gs://x',
            sizeBytes: next(1_000),
          }),
        async () =>
          act('updateDocument', {
            id: (await one('docs'))?.id ?? tenant.id,
            sizeBytes: next(1_000),
          }),
        async () =>
          act('updateDocument', {
            id: (await one('docs'))?.id ?? tenant.id,
            botId: (await one('bots'))!.id,
          }),
        async () =>
          act('reprocessDocument', {
            id: (await one('docs'))?.id ?? tenant.id,
            text: 'y'.repeat(1 + next(3_000)),
          }),
        async () => act('deleteDocument', { id: (await one('docs'))?.id ?? tenant.id }),
        () => act('createBot', { name: 'B' }),
        async () => {
          const bot = (await one('bots'))!;
          await act('deleteBot', { id: bot.id, confirm: bot.name });
        },
      ];
      for (let round = 0; round < 6; round += 1) {
        await Promise.all(Array.from({ length: 12 }, () => actions[next(actions.length)]!()));
        await expectTrue(tenant);
      }
      expect(codes).toContain('done');
      // Whatever was refused was refused for what it asked, not for meeting others.
      for (const code of codes)
        expect(['done', 'NOT_FOUND', 'CONFLICT', 'BAD_USER_INPUT']).toContain(code);
    },
  );

  test('counts what other programs write, in whatever statement', async () => {
    const [tenant, other] = [
      await world.gateway.world.tenant(),
      await world.gateway.world.tenant(),
    ];
    await world.rows(
      "insert into docs (tenant_id, filename, size_bytes) select t.id::uuid, 'f', n " +
        'from unnest(array[?, ?]) t(id), generate_series(1, 50) n',
      [tenant.id, other.id],
    );
    expect(await both(tenant)).toEqual({ said: 1_275, sum: 1_275 });
    await world.rows(
      'update docs set size_bytes = size_bytes * 2 where size_bytes <= 10 and tenant_id in (?, ?)',
      [tenant.id, other.id],
    );
    await world.rows('delete from docs where size_bytes > 40 and tenant_id = ?', [tenant.id]);
    await world.rows(
      'insert into docs (id, tenant_id, filename, size_bytes) select id, tenant_id, ' +
        'filename, 999 from docs where tenant_id = ? on conflict do nothing',
      [other.id],
    );
    await expectTrue(tenant, other);
    expect((await both(other)).said).toBe(1_275 + 55);
  });

  test('goes with a bot, and not into the minus where it was wrong', async () => {
    const tenant = await world.gateway.world.tenant();
    const bot = await tenant.bot();
    await bot.document({ size_bytes: 500 });
    await (await tenant.bot()).document({ size_bytes: 70 });
    await world.rows('delete from bots where id = ?', [bot.id]);
    expect(await both(tenant)).toEqual({ said: 70, sum: 70 });
    await world.rows('alter table tenants disable trigger tenants_keep_storage');
    await world.rows('update tenants set storage_used_bytes = 5 where id = ?', [tenant.id]);
    await world.rows('alter table tenants enable trigger tenants_keep_storage');
    await world.rows('update docs set size_bytes = 60 where tenant_id = ?', [tenant.id]);
    await world.rows('delete from docs where tenant_id = ?', [tenant.id]);
    expect(await both(tenant)).toEqual({ said: 0, sum: 0 });
  });

  test('is counted anew when someone writes it, and by nobody of the tenant', async () => {
    const tenant = await world.gateway.world.tenant();
    await (await tenant.bot()).document({ size_bytes: 12 });
    await world.rows('update tenants set storage_used_bytes = 1000000 where id = ?', [tenant.id]);
    expect(await both(tenant)).toEqual({ said: 12, sum: 12 });
    const write = world.gateway.db.database.write(
      'test',
      { role: 'weaver_tenant', tenantId: tenant.id },
      em => em.execute('update tenants set storage_used_bytes = 0'),
    );
    await expect(write).rejects.toMatchObject({ code: '42501' });
  });

  test.runIf(onPostgres)(
    'waits for a document whose size is changing while its bot goes',
    async () => {
      const tenant = await world.gateway.world.tenant();
      const bot = await tenant.bot();
      const document = await bot.document({ size_bytes: 100 });
      await (await tenant.bot()).document({ size_bytes: 1_000 });
      const other = new PgClient({ connectionString: world.gateway.db.urls!.admin });
      await other.connect();
      try {
        await other.query('begin');
        await other.query('update docs set size_bytes = 7 where id = $1', [document.id]);
        const deleted = world.run(
          'deleteBot',
          { id: bot.id, confirm: 'Bot' },
          'deletedId',
          world.gateway.operator,
        );
        await other.query('select pg_sleep(0.2)');
        await other.query('commit');
        expect((await deleted).errors).toBeUndefined();
      } finally {
        await other.end();
      }
      expect(await both(tenant)).toEqual({ said: 1_000, sum: 1_000 });
    },
  );
});
