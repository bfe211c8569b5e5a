import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectForeignIdsRefused, startWriteWorld, type WriteWorld } from '../../support/writes.js';

let world: WriteWorld;

beforeAll(async () => {
  world = await startWriteWorld();
});
afterAll(() => world.gateway.close());

describe('updateBot', () => {
  test('changes what is named and nothing else', async () => {
    const { id } = await world.tenant.bot({ name: 'Old', config_json: '{"a": 1}' });
    const all = 'bot { id name config }';
    expect((await world.done('updateBot', { id, name: 'New' }, all)).bot).toEqual({
      id,
      name: 'New',
      config: { a: 1 },
    });
    expect((await world.done('updateBot', { id, config: { b: [] } }, all)).bot).toEqual({
      id,
      name: 'New',
      config: { b: [] },
    });
    const before = await world.rows('select * from bots where id = ?', [id]);
    expect((await world.done('updateBot', { id }, all)).bot).toEqual({
      id,
      name: 'New',
      config: { b: [] },
    });
    expect(await world.rows('select * from bots where id = ?', [id])).toEqual(before);
  });

  test('refuses null and what is beyond the limits', async () => {
    const { id } = await world.tenant.bot();
    for (const [input, field] of [
      [{ name: null }, 'name'],
      [{ config: null }, 'config'],
      [{ name: '' }, 'name'],
      [{ name: 'n'.repeat(256) }, 'name'],
      [{ config: { p: 'x'.repeat(65_536) } }, 'config'],
    ] as const) {
      await world.refused(
        'updateBot',
        { id, ...input },
        { code: 'BAD_USER_INPUT', field: `input.${field}` },
      );
    }
  });

  test("does not know another tenant's bot", async () => {
    await expectForeignIdsRefused(
      world,
      'updateBot',
      (await world.otherTenant.bot()).id,
      id => ({ id, name: 'Mine' }),
      'input.id',
    );
  });

  test('of two at once with the same precondition lets one win', async () => {
    const { id } = await world.tenant.bot();
    const { updatedAt } = (
      await world.writer.data('query ($id: ID!) { bot(id: $id) { updatedAt } }', { id })
    ).bot;
    const answers = await Promise.all(
      [1, 2, 3, 4].map(n =>
        world.run('updateBot', { id, updatedAt, name: `Winner ${n}` }, 'bot { name }'),
      ),
    );
    expect(answers.map(({ errors }) => errors?.[0]?.extensions.code ?? 'done').sort()).toEqual([
      'CONFLICT',
      'CONFLICT',
      'CONFLICT',
      'done',
    ]);
  });

  test('shows each payload of several mutations what was there after its own', async () => {
    const { id } = await world.tenant.bot({ name: 'Zero' });
    const two = await world.writer.data(
      'mutation ($id: ID!) { a: updateBot(input: {id: $id, name: "One"}) { bot { name } ' +
        '} b: updateBot(input: {id: $id, name: "Two"}) { bot { name } } }',
      { id },
    );
    expect(two).toEqual({ a: { bot: { name: 'One' } }, b: { bot: { name: 'Two' } } });
  });

  test('by an operator changes the bot of any tenant', async () => {
    const { id } = await world.otherTenant.bot();
    expect(
      (
        await world.done(
          'updateBot',
          { id, name: 'Seen to' },
          'bot { name tenant { id } }',
          world.gateway.operator,
        )
      ).bot,
    ).toEqual({ name: 'Seen to', tenant: { id: world.otherTenant.id } });
  });
});

describe('deleteBot', () => {
  test('counts what would go, wants the name, and deletes documents and queries too', async () => {
    const bot = await world.tenant.bot({ name: 'Doomed' });
    await (await bot.document()).texts(2);
    await bot.query();
    const counts = [
      { type: 'BotQuery', count: 1 },
      { type: 'Document', count: 1 },
      { type: 'DocumentChunk', count: 2 },
      { type: 'Ingestion', count: 0 },
      { type: 'Upload', count: 0 },
    ];
    const sorted = (payload: any) => ({
      ...payload,
      counts: payload.counts.toSorted((a: any, b: any) => (a.type < b.type ? -1 : 1)),
    });
    expect(
      sorted(
        await world.done(
          'deleteBot',
          { id: bot.id, dryRun: true },
          'deletedId counts { type count }',
        ),
      ),
    ).toEqual({ deletedId: null, counts });
    await world.refused(
      'deleteBot',
      { id: bot.id, confirm: 'doomed' },
      { code: 'BAD_USER_INPUT', field: 'input.confirm' },
    );
    expect(
      sorted(
        await world.done(
          'deleteBot',
          { id: bot.id, confirm: 'Doomed' },
          'deletedId counts { type count }',
        ),
      ),
    ).toEqual({ deletedId: bot.id, counts });
    expect(
      await world.rows(
        'select 1 from docs where bot_id = ? union all select 1 from doc_chunks ' +
          'where bot_id = ? union all select 1 from bot_queries where bot_id = ?',
        [bot.id, bot.id, bot.id],
      ),
    ).toEqual([]);
  });

  test('leaves the last bot, also when both of two are deleted at once', async () => {
    const tenant = await world.gateway.world.tenant();
    const client = world.gateway.client((await tenant.key({ scopes: ['read', 'write'] })).secret);
    const [{ id: first }] = (await client.data('{ bots { nodes { id name } } }')).bots.nodes;
    const { name } = (
      await client.data('query ($id: ID!) { bot(id: $id) { name } }', { id: first })
    ).bot;
    await world.refused(
      'deleteBot',
      { id: first, confirm: name },
      { code: 'CONFLICT', message: expect.stringMatching(/last bot/) },
      client,
    );
    for (let round = 0; round < 3; round += 1) {
      await tenant.bot({ name: 'Other' });
      const { nodes } = (await client.data('{ bots { nodes { id name } } }')).bots;
      const answers = await Promise.all(
        nodes.map((bot: { id: string; name: string }) =>
          world.run('deleteBot', { id: bot.id, confirm: bot.name }, 'deletedId', client),
        ),
      );
      expect(answers.map(({ errors }) => errors?.[0]?.extensions.code ?? 'done').sort()).toEqual([
        'CONFLICT',
        'done',
      ]);
      expect((await client.data('{ bots { totalCount } }')).bots.totalCount).toBe(1);
    }
  });

  test("does not know another tenant's bot", async () => {
    await expectForeignIdsRefused(
      world,
      'deleteBot',
      (await world.otherTenant.bot({ name: 'Theirs' })).id,
      id => ({ id, confirm: 'Theirs' }),
      'input.id',
    );
    await expectForeignIdsRefused(
      world,
      'deleteBot',
      (await world.otherTenant.bot({ name: 'Theirs' })).id,
      id => ({ id, dryRun: true }),
      'input.id',
    );
  });
});
