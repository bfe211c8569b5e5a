import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

let world: WriteWorld;
let operator: Client;

beforeAll(async () => {
  world = await startWriteWorld();
  operator = world.gateway.operator;
});
afterAll(() => world.gateway.close());

describe('createTenant', () => {
  test('makes a tenant and its first bot', async () => {
    const { tenant, bot } = await world.done(
      'createTenant',
      { name: 'Globex', planTier: 'business' },
      'tenant { id name planTier storageUsedBytes bots { nodes { id } } } bot { id name ' +
        'tenant { name } }',
      operator,
    );
    expect(tenant).toMatchObject({
      name: 'Globex',
      planTier: 'business',
      storageUsedBytes: 0,
      bots: { nodes: [{ id: bot.id }] },
    });
    expect(bot).toMatchObject({ name: 'Globex Bot', tenant: { name: 'Globex' } });
    expect(tenant.id[14]).toBe('7');
    expect(
      (await world.done('createTenant', { name: 'Plain' }, 'tenant { planTier }', operator)).tenant,
    ).toEqual({ planTier: 'free' });
  });

  test('is for the operator alone', async () => {
    await world.refused(
      'createTenant',
      { name: 'Mine' },
      { code: 'FORBIDDEN', field: 'Mutation.createTenant' },
    );
  });

  test('has limits', async () => {
    await world.refused(
      'createTenant',
      { name: 'n'.repeat(256) },
      { code: 'BAD_USER_INPUT', field: 'input.name' },
      operator,
    );
    await world.refused(
      'createTenant',
      { name: 'n', planTier: 'p'.repeat(51) },
      { code: 'BAD_USER_INPUT', field: 'input.planTier' },
      operator,
    );
    await world.refused(
      'createTenant',
      { name: ' ' },
      { code: 'BAD_USER_INPUT', field: 'input.name' },
      operator,
    );
  });

  test('twice at once under one key makes one', async () => {
    const input = { name: 'Once', idempotencyKey: v4() };
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() =>
        world.done('createTenant', input, 'tenant { id } bot { id }', operator),
      ),
    );
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1);
    expect(await world.rows(`select count(*)::int as n from tenants where name = 'Once'`)).toEqual([
      { n: 1 },
    ]);
    await world.refused(
      'createTenant',
      { ...input, name: 'Twice' },
      { code: 'CONFLICT', field: 'input.idempotencyKey' },
      operator,
    );
  });
});

describe('updateTenant', () => {
  test('changes what is named and nothing else', async () => {
    const { id } = await world.gateway.world.tenant({ name: 'Old', planTier: 'gold' });
    expect(
      (
        await world.done(
          'updateTenant',
          { id, name: 'New' },
          'tenant { id name planTier }',
          operator,
        )
      ).tenant,
    ).toEqual({ id, name: 'New', planTier: 'gold' });
    expect(
      (
        await world.done(
          'updateTenant',
          { id, planTier: 'free' },
          'tenant { name planTier }',
          operator,
        )
      ).tenant,
    ).toEqual({ name: 'New', planTier: 'free' });
    expect(
      (await world.done('updateTenant', { id }, 'tenant { name planTier }', operator)).tenant,
    ).toEqual({ name: 'New', planTier: 'free' });
    for (const field of ['name', 'planTier'])
      await world.refused(
        'updateTenant',
        { id, [field]: null },
        {
          code: 'BAD_USER_INPUT',
          field: `input.${field}`,
          message: `input.${field} cannot be null. Omit it to keep the current value.`,
        },
        operator,
      );
  });

  test('needs an owner: no key will do', async () => {
    await world.refused(
      'updateTenant',
      { name: 'Mine' },
      { code: 'FORBIDDEN', field: 'Mutation.updateTenant' },
    );
  });

  test('by an owner changes the name of their own tenant, and nothing else', async () => {
    const [owner, admin] = [
      await world.gateway.user(world.tenant, 'owner'),
      await world.gateway.user(world.tenant, 'admin'),
    ];
    expect(
      (await world.done('updateTenant', { name: 'Acme & Co.' }, 'tenant { id name }', owner))
        .tenant,
    ).toEqual({ id: world.tenant.id, name: 'Acme & Co.' });
    expect(
      (
        await world.done(
          'updateTenant',
          { id: world.tenant.id, name: 'Acme' },
          'tenant { name }',
          owner,
        )
      ).tenant,
    ).toEqual({ name: 'Acme' });
    await world.refused(
      'updateTenant',
      { name: 'Rich', planTier: 'enterprise' },
      { code: 'FORBIDDEN', field: 'input.planTier' },
      owner,
    );
    await world.refused(
      'updateTenant',
      { name: 'Mine' },
      { code: 'FORBIDDEN', field: 'Mutation.updateTenant' },
      admin,
    );
    for (const id of [world.otherTenant.id, v4()])
      await world.refused(
        'updateTenant',
        { id, name: 'Mine' },
        { code: 'NOT_FOUND', field: 'input.id', message: `Tenant ${id} was not found.` },
        owner,
      );
  });

  test('by an operator wants an id that is there', async () => {
    await world.refused(
      'updateTenant',
      { name: 'Whose?' },
      { code: 'BAD_USER_INPUT', field: 'input.id' },
      operator,
    );
    await world.refused(
      'updateTenant',
      { id: v4(), name: 'Whose?' },
      { code: 'NOT_FOUND', field: 'input.id' },
      operator,
    );
  });

  test('holds on to its precondition although documents come and go', async () => {
    const tenant = await world.gateway.world.tenant();
    const known = (
      await operator.data('query ($id: ID!) { tenant(id: $id) { updatedAt } }', { id: tenant.id })
    ).tenant.updatedAt;
    await (await tenant.bot()).document();
    const { updatedAt } = (
      await world.done(
        'updateTenant',
        { id: tenant.id, updatedAt: known, name: 'Renamed' },
        'tenant { updatedAt }',
        operator,
      )
    ).tenant;
    await world.refused(
      'updateTenant',
      { id: tenant.id, updatedAt: known, name: 'Again' },
      { code: 'CONFLICT', field: 'input.updatedAt' },
      operator,
    );
    await world.done(
      'updateTenant',
      { id: tenant.id, updatedAt, name: 'Again' },
      'tenant { name }',
      operator,
    );
  });
});

describe('deleteTenant', () => {
  test('counts what would go, then takes everything along', async () => {
    const tenant = await world.gateway.world.tenant({ name: 'Doomed' });
    const bot = await tenant.bot();
    await (await bot.document()).texts(3);
    await tenant.user();
    const { secret } = await tenant.key({ scopes: ['write'] });
    await bot.query();
    await world.done(
      'createBot',
      { name: 'Third', idempotencyKey: 'k' },
      'bot { id }',
      world.gateway.client(secret),
    );
    const counts = [
      ['ApiKey', 1],
      ['Bot', 3],
      ['BotQuery', 1],
      ['Document', 1],
      ['DocumentChunk', 3],
      ['Ingestion', 0],
      ['Upload', 0],
      ['User', 1],
    ];
    const found = (payload: any) =>
      payload.counts
        .map(({ type, count }: { type: string; count: number }) => [type, count])
        .sort();

    const dry = await world.done(
      'deleteTenant',
      { id: tenant.id, dryRun: true },
      'deletedId counts { type count }',
      operator,
    );
    expect([dry.deletedId, found(dry)]).toEqual([null, counts]);
    for (const confirm of [undefined, null, '', 'doomed', 'Doomed '])
      await world.refused(
        'deleteTenant',
        { id: tenant.id, confirm },
        { code: 'BAD_USER_INPUT', field: 'input.confirm' },
        operator,
      );
    const done = await world.done(
      'deleteTenant',
      { id: tenant.id, confirm: 'Doomed' },
      'deletedId counts { type count }',
      operator,
    );
    expect([done.deletedId, found(done)]).toEqual([tenant.id, counts]);
    for (const table of [
      'profiles',
      'bots',
      'docs',
      'doc_chunks',
      'api_keys',
      'bot_queries',
      'idempotency_keys',
    ]) {
      expect(
        await world.rows(`select count(*)::int as n from ${table} where tenant_id = ?`, [
          tenant.id,
        ]),
        table,
      ).toEqual([{ n: 0 }]);
    }
    await world.refused(
      'deleteTenant',
      { id: tenant.id, confirm: 'Doomed' },
      { code: 'NOT_FOUND', field: 'input.id' },
      operator,
    );
  });

  test('is for the operator alone', async () => {
    await world.refused(
      'deleteTenant',
      { id: world.tenant.id, confirm: 'Acme' },
      { code: 'FORBIDDEN' },
    );
  });
});
