import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway, type UserClient } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

const CREATE =
  'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id email ' +
  'role tenant { id } } } }';
const UPDATE =
  'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { user { id email role } } }';
const DELETE =
  'mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { deletedId counts { ' +
  'type count } } }';
const TAKEN = {
  message: 'A user with this id or e-mail address already exists.',
  extensions: { code: 'CONFLICT', field: 'input' },
};

let gateway: TestGateway;
let tenant: TenantWorld;
let stranger: TenantWorld;
let owner: UserClient;
let admin: UserClient;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  stranger = await gateway.world.tenant();
  owner = await gateway.user(tenant, 'owner');
  admin = await gateway.user(tenant, 'admin');
});
afterAll(() => gateway.close());

const mail = (): string => `${v4()}@example.com`;
const create = async (input: object, client: Client = owner) =>
  (await client.data(CREATE, { input: { email: mail(), ...input } })).createUser.user;
const stored = async (id: string) =>
  (
    await gateway.db.asSuperuser<{ email: string; role: string }>(
      'select email, role from profiles where id = ?',
      [id],
    )
  )[0];

async function expectRefused(
  client: Client,
  query: string,
  input: object,
  error: object,
): Promise<void> {
  const state = async () =>
    gateway.db.asSuperuser(
      'select (select count(*)::int from profiles) as users, (select max(updated_at) ' +
        'from profiles) as touched, (select count(*)::int from audit_log) as events',
    );
  const before = await state();
  expect((await client.query(query, { input })).errors).toMatchObject([error]);
  expect(await state()).toEqual(before);
}
const code = (name: string, field: string) => ({ extensions: { code: name, field } });

describe('createUser', () => {
  test('adds somebody who can sign in by the id that is given', async () => {
    const id = v4();
    const email = mail();
    expect(await create({ id: id.toUpperCase(), email, role: 'ADMIN' })).toEqual({
      id,
      email,
      role: 'ADMIN',
      tenant: { id: tenant.id },
    });
    expect(await create({})).toMatchObject({
      role: 'MEMBER',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test.each([
    [{ email: '' }, 'input.email'],
    [{ email: 'nobody' }, 'input.email'],
    [{ email: 'a b@example.com' }, 'input.email'],
    [{ email: 'a\u200bda@example.com' }, 'input.email'],
    [{ email: 'ada\u00ad@example.com' }, 'input.email'],
    [{ email: `${'x'.repeat(250)}@x.org` }, 'input.email'],
    [{ id: 'auth0|1' }, 'input.id'],
  ])('refuses %j by name', async (input, field) => {
    await expectRefused(owner, CREATE, { email: mail(), ...input }, code('BAD_USER_INPUT', field));
  });

  test('refuses an id or an address that is taken in the same words, wherever it is', async () => {
    const mine = await create({});
    const theirs = await stranger.user();
    for (const input of [
      { email: mine.email },
      { id: mine.id },
      { id: theirs },
      { id: theirs, email: mine.email },
    ])
      await expectRefused(owner, CREATE, { email: mail(), ...input }, TAKEN);
    await expectRefused(owner, UPDATE, { id: (await create({})).id, email: mine.email }, TAKEN);
    // The address alone is another tenant's own affair.
    const { email } = (await stored(theirs))!;
    expect((await create({ email })).email).toBe(email);
  });

  test('takes a domain in Unicode and in punycode for one, and stores it in Unicode', async () => {
    const local = v4();
    const mine = await create({ email: `${local}@xn--mnchen-3ya.de` });
    expect(mine.email).toBe(`${local}@münchen.de`);
    expect((await stored(mine.id))!.email).toBe(`${local}@münchen.de`);
    const second = await create({});
    for (const domain of ['münchen.de', 'MÜNCHEN.DE', 'xn--mnchen-3ya.de', 'XN--MNCHEN-3YA.de']) {
      await expectRefused(owner, CREATE, { email: `${local}@${domain}` }, TAKEN);
      await expectRefused(owner, UPDATE, { id: second.id, email: `${local}@${domain}` }, TAKEN);
    }
    expect(
      (
        await owner.data(DELETE, {
          input: { id: mine.id, confirm: `${local}@xn--mnchen-3ya.de` },
        })
      ).deleteUser.deletedId,
    ).toBe(mine.id);
  });

  test.each(['a@[IPv6:2001:db8::1]', 'a@xn--zzzzzz', 'a@ü.de/x', 'a@ü%41.de', 'Ab@Example.COM'])(
    'stores %s as it is',
    async email => {
      const address = `${v4()}${email}`;
      expect((await create({ email: address })).email).toBe(address);
    },
  );

  test("refuses another user's address in any case and any normal form", async () => {
    const mine = await create({ email: `zoë.straße.${mail()}` });
    const others = [
      mine.email.toUpperCase(),
      mine.email.normalize('NFD'),
      mine.email.replace('ß', 'ẞ'),
      mine.email.replace('ß', 'SS'),
    ];
    const second = await create({});
    for (const email of others) {
      await expectRefused(owner, CREATE, { email }, TAKEN);
      await expectRefused(owner, UPDATE, { id: second.id, email }, TAKEN);
    }
    // Their own in another case is theirs.
    expect(
      (await owner.data(UPDATE, { input: { id: mine.id, email: mine.email.toUpperCase() } }))
        .updateUser.user.email,
    ).toBe(mine.email.toUpperCase());
    await expectRefused(
      owner,
      DELETE,
      { id: mine.id, confirm: mine.email },
      code('BAD_USER_INPUT', 'input.confirm'),
    );
    expect(
      (await owner.data(DELETE, { input: { id: mine.id, confirm: mine.email.toUpperCase() } }))
        .deleteUser.deletedId,
    ).toBe(mine.id);
  });

  test('of one address in many cases at once adds one user', async () => {
    const email = mail().replace(/^[0-9a-f]{8}/, 'abcdefgh');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, nth) =>
        owner.query(CREATE, {
          input: { email: email.slice(0, nth).toUpperCase() + email.slice(nth) },
        }),
      ),
    );
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1);
    for (const { errors } of answers.filter(answer => answer.errors))
      expect(errors).toMatchObject([TAKEN]);
  });

  test('is repeated safely', async () => {
    const input = { email: mail(), idempotencyKey: v4() };
    expect(await create(input)).toEqual(await create(input));
  });

  test('is for ADMIN, in the own tenant only', async () => {
    await expectRefused(
      await gateway.user(tenant, 'member'),
      CREATE,
      { email: mail() },
      code('FORBIDDEN', 'Mutation.createUser'),
    );
    for (const tenantId of [stranger.id, v4()])
      await expectRefused(
        owner,
        CREATE,
        { email: mail(), tenantId },
        code('NOT_FOUND', 'input.tenantId'),
      );
    expect(
      (await create({ tenantId: stranger.id, role: 'OWNER' }, gateway.operator)).tenant.id,
    ).toBe(stranger.id);
  });
});

describe('owners', () => {
  test('are made, changed and removed by owners and the operator alone', async () => {
    const second = await create({ role: 'OWNER' });
    const allScopes = gateway.client(
      (await tenant.key({ scopes: ['read', 'write', 'search', 'ask', 'admin'] })).secret,
    );
    for (const client of [admin, allScopes]) {
      await expectRefused(
        client,
        CREATE,
        { email: mail(), role: 'OWNER' },
        code('FORBIDDEN', 'input.role'),
      );
      await expectRefused(
        client,
        UPDATE,
        { id: admin.id, role: 'OWNER' },
        code('FORBIDDEN', 'input.role'),
      );
      for (const change of [{ role: 'MEMBER' }, { email: mail() }, {}])
        await expectRefused(
          client,
          UPDATE,
          { id: second.id, ...change },
          code('FORBIDDEN', 'input.id'),
        );
      for (const dryRun of [true, false])
        await expectRefused(
          client,
          DELETE,
          { id: second.id, confirm: second.email, dryRun },
          code('FORBIDDEN', 'input.id'),
        );
      expect((await create({ role: 'ADMIN' }, client)).role).toBe('ADMIN');
    }
    expect(
      (await owner.data(UPDATE, { input: { id: second.id, role: 'MEMBER' } })).updateUser.user.role,
    ).toBe('MEMBER');
    expect(
      (await gateway.operator.data(UPDATE, { input: { id: second.id, role: 'OWNER' } })).updateUser
        .user.role,
    ).toBe('OWNER');
    expect(
      (await owner.data(DELETE, { input: { id: second.id, confirm: second.email } })).deleteUser
        .deletedId,
    ).toBe(second.id);
  });

  test('a key gives only roles whose permissions it has', async () => {
    const bare = gateway.client((await tenant.key({ scopes: ['admin'] })).secret);
    await expectRefused(
      bare,
      CREATE.replace(' tenant { id }', ''),
      { email: mail() },
      code('FORBIDDEN', 'input.role'),
    );
    const reading = gateway.client(
      (await tenant.key({ scopes: ['admin', 'read', 'search', 'ask'] })).secret,
    );
    expect((await create({}, reading)).role).toBe('MEMBER');
    await expectRefused(
      reading,
      CREATE,
      { email: mail(), role: 'ADMIN' },
      code('FORBIDDEN', 'input.role'),
    );
  });

  test('do not all go: the last one stays', async () => {
    const lonely = await gateway.world.tenant();
    const last = await gateway.user(lonely, 'owner');
    const { email } = (await stored(last.id))!;
    for (const [query, input] of [
      [UPDATE, { id: last.id, role: 'ADMIN' }],
      [DELETE, { id: last.id, confirm: email }],
    ] as const) {
      for (const client of [last, gateway.operator])
        await expectRefused(client, query, input, {
          message: 'This is the last owner of the tenant. Make another user an owner first.',
          ...code('CONFLICT', 'input.id'),
        });
    }
  });

  test('do not all go when two step down at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const duo = await gateway.world.tenant();
      const both = [await gateway.user(duo, 'owner'), await gateway.user(duo, 'owner')];
      const answers = await Promise.all(
        both.map(client => client.query(UPDATE, { input: { id: client.id, role: 'MEMBER' } })),
      );
      expect(answers.map(({ errors }) => errors?.[0]?.extensions.code).toSorted()).toEqual([
        'CONFLICT',
        undefined,
      ]);
      expect(
        await gateway.db.asSuperuser(
          `select count(*)::int as owners from profiles where tenant_id = ? and role = 'owner'`,
          [duo.id],
        ),
      ).toEqual([{ owners: 1 }]);
    }
  });
});

describe('updateUser', () => {
  test('changes what is named and nothing else', async () => {
    const user = await create({ role: 'ADMIN' });
    const email = mail();
    expect((await admin.data(UPDATE, { input: { id: user.id, email } })).updateUser.user).toEqual({
      id: user.id,
      email,
      role: 'ADMIN',
    });
    expect(
      (await admin.data(UPDATE, { input: { id: user.id, role: 'MEMBER' } })).updateUser.user,
    ).toEqual({ id: user.id, email, role: 'MEMBER' });
    for (const change of [{ email: null }, { role: null }])
      await expectRefused(
        admin,
        UPDATE,
        { id: user.id, ...change },
        code('BAD_USER_INPUT', `input.${Object.keys(change)[0]}`),
      );
    await expectRefused(
      admin,
      UPDATE,
      { id: user.id, updatedAt: '2020-01-01T00:00:00Z', role: 'ADMIN' },
      code('CONFLICT', 'input.updatedAt'),
    );
  });

  test("and deleteUser know another tenant's user as little as an unknown one", async () => {
    for (const id of [await stranger.user(), v4()]) {
      await expectRefused(
        owner,
        UPDATE,
        { id, role: 'ADMIN' },
        { message: `User ${id} was not found.`, ...code('NOT_FOUND', 'input.id') },
      );
      await expectRefused(
        owner,
        DELETE,
        { id, dryRun: true },
        { message: `User ${id} was not found.`, ...code('NOT_FOUND', 'input.id') },
      );
    }
  });
});

describe('deleteUser', () => {
  test('wants the address again, and can be tried without doing it', async () => {
    const user = await create({});
    for (const confirm of [undefined, '', user.email.toUpperCase(), 'other@example.com'])
      await expectRefused(
        admin,
        DELETE,
        { id: user.id, confirm },
        code('BAD_USER_INPUT', 'input.confirm'),
      );
    expect((await admin.data(DELETE, { input: { id: user.id, dryRun: true } })).deleteUser).toEqual(
      { deletedId: null, counts: [] },
    );
    expect(await stored(user.id)).toBeDefined();
    expect(
      (await admin.data(DELETE, { input: { id: user.id, confirm: user.email } })).deleteUser,
    ).toEqual({ deletedId: user.id, counts: [] });
    expect(await stored(user.id)).toBeUndefined();
  });
});

test('every change of a user is in the audit log, without addresses', async () => {
  const user = await create({}, admin);
  await owner.data(UPDATE, { input: { id: user.id, role: 'ADMIN', email: mail() } });
  const { email } = (await stored(user.id))!;
  await gateway.operator.data(DELETE, { input: { id: user.id, confirm: email } });
  const events = await gateway.db.asSuperuser<object>(
    'select action, actor_kind, actor_id, tenant_id, details from audit_log ' +
      'where target_id = ? order by id',
    [user.id],
  );
  expect(events).toEqual([
    {
      action: 'createUser',
      actor_kind: 'user',
      actor_id: admin.id,
      tenant_id: tenant.id,
      details: { role: 'member' },
    },
    {
      action: 'updateUser',
      actor_kind: 'user',
      actor_id: owner.id,
      tenant_id: tenant.id,
      details: { role: { before: 'member', after: 'admin' }, emailChanged: true },
    },
    {
      action: 'deleteUser',
      actor_kind: 'operator',
      actor_id: null,
      tenant_id: tenant.id,
      details: { role: 'admin' },
    },
  ]);
});

test('the audit log holds once what the operator does to a tenant, and nothing else', async () => {
  const bot = (
    await gateway.operator.data(
      'mutation ($input: CreateBotInput!) { createBot(input: $input) { bot { id } } }',
      { input: { tenantId: tenant.id, name: 'Recorded' } },
    )
  ).createBot.bot;
  await gateway.operator.data(
    'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { id } } }',
    { input: { id: bot.id, config: { prompt: 'confidential' } } },
  );
  await owner.data(
    'mutation ($input: UpdateBotInput!) { updateBot(input: $input) { bot { id } } }',
    { input: { id: bot.id, name: 'Renamed' } },
  );
  await gateway.operator.data(
    'mutation ($input: DeleteBotInput!) { deleteBot(input: $input) { deletedId } }',
    { input: { id: bot.id, dryRun: true } },
  );
  await gateway.operator.data(
    'mutation ($input: DeleteBotInput!) { deleteBot(input: $input) { deletedId } }',
    { input: { id: bot.id, confirm: 'Renamed' } },
  );
  expect(
    await gateway.db.asSuperuser<object>(
      'select action, actor_kind, tenant_id, target_type, details from audit_log ' +
        'where target_id = ? order by id',
      [bot.id],
    ),
  ).toEqual([
    {
      action: 'createBot',
      actor_kind: 'operator',
      tenant_id: tenant.id,
      target_type: 'Bot',
      details: { name: 'Recorded', tenantId: tenant.id },
    },
    {
      action: 'updateBot',
      actor_kind: 'operator',
      tenant_id: tenant.id,
      target_type: 'Bot',
      details: { id: bot.id },
    },
    {
      action: 'deleteBot',
      actor_kind: 'operator',
      tenant_id: tenant.id,
      target_type: 'Bot',
      details: { id: bot.id, name: 'Renamed' },
    },
  ]);
});
