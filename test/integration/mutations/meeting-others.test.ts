import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until, whileLocked } from '../../support/row-locks.js';
import { collectLog } from '../../support/log-lines.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

/**
 * Mutations that meet another change of what they are about, at the one moment where it matters.
 */

const log = collectLog();
let world: WriteWorld;

beforeAll(async () => {
  world = await startWriteWorld({ log: log.log });
});
afterAll(() => world.gateway.close());

test.each([
  [
    'while it waits to write',
    (botId: string) => ['select from bots where id = ? for update', [botId]] as const,
  ],
  ['while it is being found out who asks', () => ['lock table api_keys', []] as const],
])('a mutation whose caller goes %s changes nothing', async (_, locking) => {
  const bot = await world.tenant.bot({ name: 'Old' });
  const { secret } = await world.tenant.key({ scopes: ['write'] });
  const caller = new AbortController();
  const call = (): Promise<unknown> =>
    fetch(`${world.gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
      body: JSON.stringify({
        query: `mutation { updateBot(input: { id: "${bot.id}", name: "New" }) { bot { id } } }`,
      }),
      signal: caller.signal,
    });
  const gone = (): number => log.entries().filter(({ aborted }) => aborted === true).length;
  const before = gone();
  const leave = async (): Promise<void> => {
    caller.abort();
    await until(() => gone() > before);
  };
  const [sql, parameters] = locking(bot.id);
  await expect(whileLocked(world.gateway, [sql, [...parameters]], call, leave)).rejects.toThrow(
    'aborted',
  );
  // Long enough for it to go on, were it to.
  await sleep(300);
  expect((await world.done('updateBot', { id: bot.id, config: {} }, 'bot { name }')).bot.name).toBe(
    'Old',
  );
});

test('a deletion counts what was just being added, as that goes too', async () => {
  const bot = await world.tenant.bot({ name: 'Doomed' });
  const adding =
    "insert into docs (tenant_id, bot_id, filename, size_bytes) values (?, ?, 'late.md', 1)";
  const { counts } = await whileLocked(world.gateway, [adding, [world.tenant.id, bot.id]], () =>
    world.done('deleteBot', { id: bot.id, confirm: 'Doomed' }, 'counts { type count }'),
  );
  expect(counts).toContainEqual({ type: 'Document', count: 1 });
  expect(await world.rows('select from docs where bot_id = ?', [bot.id])).toEqual([]);
});

test('a key that is being revoked makes no key any more', async () => {
  const { id, secret } = await world.tenant.key({ scopes: ['admin', 'read'] });
  const before = await world.rows('select id from api_keys where tenant_id = ?', [world.tenant.id]);
  const { data } = await whileLocked(
    world.gateway,
    ['update api_keys set revoked = true where id = ?', [id]],
    () =>
      world.run(
        'createApiKey',
        { name: 'Heir', scopes: ['READ'] },
        'secret',
        world.gateway.client(secret),
      ),
  );
  expect(data?.createApiKey ?? null).toBeNull();
  expect(
    await world.rows('select id from api_keys where tenant_id = ?', [world.tenant.id]),
  ).toHaveLength(before.length);
});
