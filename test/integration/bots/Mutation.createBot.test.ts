import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const CREATE =
  'mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { id name config ' +
  'tenant { id name } documents { totalCount } createdAt updatedAt } } }';

let gateway: TestGateway;
let tenant: TenantWorld;
let stranger: TenantWorld;
let writer: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant({ name: 'Acme' });
  stranger = await gateway.world.tenant();
  writer = gateway.client((await tenant.key({ scopes: ['read', 'write'] })).secret);
});
afterAll(() => gateway.close());

const create = (input: object, client = writer) => client.query(CREATE, { input });
const botsOf = async ({ id }: TenantWorld): Promise<number> =>
  (
    await gateway.db.asSuperuser<{ n: number }>(
      'select count(*)::int as n from bots where tenant_id = ?',
      [id],
    )
  )[0]!.n;

/** Refused as expected, and nothing was stored. */
async function expectRefused(
  input: object,
  error: { code: string; field?: string; message?: unknown },
  client = writer,
): Promise<void> {
  const before = [await botsOf(tenant), await botsOf(stranger)];
  const { errors, data } = await create(input, client);
  const { message, ...extensions } = error;
  expect(errors).toMatchObject([{ ...(message !== undefined && { message }), extensions }]);
  expect(data?.createBot ?? null).toBeNull();
  expect([await botsOf(tenant), await botsOf(stranger)]).toEqual(before);
}

describe('createBot', () => {
  test("stores a bot of the caller's tenant and answers with any selection of it", async () => {
    const { data, errors } = await create({
      name: 'Helper 🤖',
      config: { prompt: 'Be brief.', depth: { of: [1, null, true] } },
    });
    expect(errors).toBeUndefined();
    const { bot } = data.createBot;
    expect(bot).toMatchObject({
      name: 'Helper 🤖',
      config: { prompt: 'Be brief.', depth: { of: [1, null, true] } },
      tenant: { id: tenant.id, name: 'Acme' },
      documents: { totalCount: 0 },
    });
    expect(bot.createdAt).toBe(bot.updatedAt);
    // UUIDv7: ids sort by time.
    expect(bot.id[14]).toBe('7');
    expect(
      (await writer.data('query ($id: ID!) { bot(id: $id) { name } }', { id: bot.id })).bot,
    ).toEqual({ name: 'Helper 🤖' });
  });

  test('takes no configuration for an empty one', async () => {
    for (const input of [
      { name: 'Plain' },
      { name: 'Plain', config: null, tenantId: null, idempotencyKey: null },
    ]) {
      expect((await create(input)).data.createBot.bot.config).toEqual({});
    }
  });

  test('by an operator names the tenant', async () => {
    const { data } = await create(
      { name: 'By the operator', tenantId: stranger.id },
      gateway.operator,
    );
    expect(data.createBot.bot.tenant.id).toBe(stranger.id);
    await expectRefused(
      { name: 'Whose?' },
      { code: 'BAD_USER_INPUT', field: 'input.tenantId' },
      gateway.operator,
    );
    await expectRefused(
      { name: 'Whose?', tenantId: v4() },
      { code: 'NOT_FOUND', field: 'input.tenantId' },
      gateway.operator,
    );
  });

  test('of another tenant and of none are refused alike', async () => {
    for (const tenantId of [stranger.id, v4()])
      await expectRefused(
        { name: 'Mine?', tenantId },
        {
          code: 'NOT_FOUND',
          field: 'input.tenantId',
          message: `Tenant ${tenantId} was not found.`,
        },
      );
    expect(
      (await create({ name: 'Mine', tenantId: tenant.id.toUpperCase() })).errors,
    ).toBeUndefined();
  });

  test('needs the scope WRITE', async () => {
    const reader = gateway.client(
      (await tenant.key({ scopes: ['read', 'search', 'ask', 'admin'] })).secret,
    );
    await expectRefused({ name: 'No' }, { code: 'FORBIDDEN', field: 'Mutation.createBot' }, reader);
  });

  test('wants a name that shows', async () => {
    for (const name of ['', ' \u00a0', '\u200d', '\u3164', '\u2800 \u200b'])
      await expectRefused({ name }, { code: 'BAD_USER_INPUT', field: 'input.name' });
    const joined = '\u{1f469}\u200d\u{1f4bb}';
    expect((await create({ name: joined })).data.createBot.bot.name).toBe(joined);
  });

  test('counts characters as people do', async () => {
    expect((await create({ name: '🤖'.repeat(255) })).errors).toBeUndefined();
    await expectRefused(
      { name: '🤖'.repeat(256) },
      {
        code: 'BAD_USER_INPUT',
        field: 'input.name',
        message: 'input.name has 256 characters; the limit is 255.',
      },
    );
    for (const name of ['', ' \n\t'])
      await expectRefused({ name }, { code: 'BAD_USER_INPUT', field: 'input.name' });
  });

  test('limits the configuration by its bytes', async () => {
    const config = (bytes: number) => ({ p: 'é'.repeat((bytes - 8) / 2) });
    expect((await create({ name: 'Large', config: config(65_536) })).errors).toBeUndefined();
    await expectRefused(
      { name: 'Too large', config: config(65_538) },
      {
        code: 'BAD_USER_INPUT',
        field: 'input.config',
        message: 'input.config takes 65,538 bytes as JSON; the limit is 65,536.',
      },
    );
    await expectRefused({ name: 'NUL', config: { a: 'b\0' } }, { code: 'BAD_USER_INPUT' });
  });
});

describe('an idempotency key', () => {
  const key = (): string => `key ${v4()}`;

  test('gives the first answer again, with the object read anew', async () => {
    const input = { name: 'Once', config: { a: 1, b: 2 }, idempotencyKey: key() };
    const first = await create(input);
    const before = await botsOf(tenant);
    await gateway.db.asSuperuser(`update bots set name = 'Renamed' where id = ?`, [
      first.data.createBot.bot.id,
    ]);
    // The order of members says nothing.
    const again = await create({
      idempotencyKey: input.idempotencyKey,
      config: { b: 2, a: 1 },
      name: 'Once',
    });
    expect(again.errors).toBeUndefined();
    expect(again.data.createBot.bot).toMatchObject({
      id: first.data.createBot.bot.id,
      name: 'Renamed',
    });
    expect(await botsOf(tenant)).toBe(before);
  });

  test('with another input is a conflict', async () => {
    const idempotencyKey = key();
    await create({ name: 'First', idempotencyKey });
    for (const other of [
      { name: 'Second' },
      { name: 'First', config: {} },
      { name: 'First', config: { a: null } },
    ]) {
      await expectRefused(
        { ...other, idempotencyKey },
        { code: 'CONFLICT', field: 'input.idempotencyKey' },
      );
    }
  });

  test('works once when many calls come at once, and all get the same answer', async () => {
    const before = await botsOf(tenant);
    const idempotencyKey = key();
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => create({ name: 'At once', idempotencyKey })),
    );
    expect(answers.flatMap(answer => answer.errors ?? [])).toEqual([]);
    expect(new Set(answers.map(({ data }) => data.createBot.bot.id)).size).toBe(1);
    expect(await botsOf(tenant)).toBe(before + 1);
  });

  test('of a call that failed is free', async () => {
    const idempotencyKey = key();
    await expectRefused(
      { name: 'Whose?', tenantId: v4(), idempotencyKey },
      { code: 'NOT_FOUND' },
      gateway.operator,
    );
    expect(
      (await create({ name: 'Theirs', tenantId: tenant.id, idempotencyKey }, gateway.operator))
        .errors,
    ).toBeUndefined();
  });

  test('is one for each caller', async () => {
    const idempotencyKey = key();
    const other = gateway.client((await tenant.key({ scopes: ['read', 'write'] })).secret);
    const foreign = gateway.client((await stranger.key({ scopes: ['read', 'write'] })).secret);
    const answers = [
      await create({ name: 'Same', idempotencyKey }),
      await create({ name: 'Same', idempotencyKey }, other),
      await create({ name: 'Other', idempotencyKey }, foreign),
      await create({ name: 'Same', tenantId: tenant.id, idempotencyKey }, gateway.operator),
    ];
    for (const user of [await gateway.user(tenant), await gateway.user(tenant)])
      answers.push(await create({ name: 'Same', idempotencyKey }, user));
    expect(answers.flatMap(answer => answer.errors ?? [])).toEqual([]);
    expect(new Set(answers.map(({ data }) => data.createBot.bot.id)).size).toBe(6);
  });

  test('is forgotten after 24 hours, a few at a time', async () => {
    const keys = Array.from({ length: 25 }, key);
    for (const idempotencyKey of keys) await create({ name: 'Old', idempotencyKey });
    const age = (hours: string) =>
      gateway.db.asSuperuser(
        'update idempotency_keys set created_at = now() - ?::interval ' +
          "where key like 'key %' and tenant_id = ?",
        [hours, tenant.id],
      );
    const left = async () =>
      (
        await gateway.db.asSuperuser<{ n: number }>(
          `select count(*)::int as n from idempotency_keys where tenant_id = ?`,
          [tenant.id],
        )
      )[0]!.n;
    await age('23 hours 59 minutes');
    const before = await botsOf(tenant);
    await create({ name: 'Old', idempotencyKey: keys[0]! });
    expect(await botsOf(tenant)).toBe(before);
    await age('24 hours');
    const all = await left();
    expect((await create({ name: 'New', idempotencyKey: keys[0]! })).errors).toBeUndefined();
    expect(await botsOf(tenant)).toBe(before + 1);
    expect(await left()).toBe(all - 10);
  });

  test('has 1 to 255 characters', async () => {
    for (const idempotencyKey of ['', ' ', 'k'.repeat(256)])
      await expectRefused(
        { name: 'Key', idempotencyKey },
        { code: 'BAD_USER_INPUT', field: 'input.idempotencyKey' },
      );
    expect((await create({ name: 'Key', idempotencyKey: 'é'.repeat(255) })).errors).toBeUndefined();
  });

  test('whose object was deleted since says so', async () => {
    const input = { name: 'Gone', idempotencyKey: key() };
    const { data } = await create(input);
    await gateway.db.asSuperuser('delete from bots where id = ?', [data.createBot.bot.id]);
    expect((await create(input)).errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  });
});
