import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectForeignIdsRefused, startWriteWorld, type WriteWorld } from '../../support/writes.js';

let world: WriteWorld;

beforeAll(async () => {
  world = await startWriteWorld();
});
afterAll(() => world.gateway.close());

const asked = { query: 'How often?', answer: 'Once a month.' };

describe('recordBotQuery', () => {
  test('logs the question under the key that is used', async () => {
    const bot = await world.tenant.bot();
    const key = await world.tenant.key({ scopes: ['ask', 'read'], name: 'Answerer' });
    const input = {
      ...asked,
      botId: bot.id,
      confidence: 'HIGH',
      latencyMs: 120,
      sources: [{ documentId: 'd', pages: [1, 2] }],
    };
    const { botQuery } = await world.done(
      'recordBotQuery',
      input,
      'botQuery { query answer confidence latencyMs sources bot { id } apiKey { name } ' +
        'tenant { id } createdAt }',
      world.gateway.client(key.secret),
    );
    expect(botQuery).toMatchObject({
      ...asked,
      confidence: 'HIGH',
      latencyMs: 120,
      sources: input.sources,
      bot: { id: bot.id },
      apiKey: { name: 'Answerer' },
      tenant: { id: world.tenant.id },
    });
  });

  test("knows what may be missing, and the tenant's oldest bot", async () => {
    const { botQuery } = await world.done(
      'recordBotQuery',
      asked,
      'botQuery { confidence latencyMs sources bot { name } }',
    );
    expect(botQuery).toEqual({
      confidence: null,
      latencyMs: null,
      sources: [],
      bot: { name: 'Acme Bot' },
    });
    const byOperator = await world.done(
      'recordBotQuery',
      { ...asked, tenantId: world.otherTenant.id },
      'botQuery { apiKey { id } tenant { id } }',
      world.gateway.operator,
    );
    expect(byOperator.botQuery).toEqual({ apiKey: null, tenant: { id: world.otherTenant.id } });
  });

  test.each([
    [{ query: '' }, 'query'],
    [{ query: 'q'.repeat(8_001) }, 'query'],
    [{ answer: ' ' }, 'answer'],
    [{ answer: 'é'.repeat(50_001) }, 'answer'],
    [{ latencyMs: -1 }, 'latencyMs'],
    [{ sources: Array.from({ length: 101 }, () => ({})) }, 'sources'],
    [{ sources: [{ p: 'x'.repeat(65_536) }] }, 'sources'],
  ])('refuses %#', async (input, field) => {
    await world.refused(
      'recordBotQuery',
      { ...asked, ...input },
      { code: 'BAD_USER_INPUT', field: `input.${field}` },
    );
  });

  test("does not know another tenant's bot, nor another tenant", async () => {
    await expectForeignIdsRefused(
      world,
      'recordBotQuery',
      (await world.otherTenant.bot()).id,
      botId => ({ ...asked, botId }),
      'input.botId',
    );
    await expectForeignIdsRefused(
      world,
      'recordBotQuery',
      world.otherTenant.id,
      tenantId => ({ ...asked, tenantId }),
      'input.tenantId',
    );
    await world.refused(
      'recordBotQuery',
      { ...asked, tenantId: v4() },
      { code: 'NOT_FOUND', field: 'input.tenantId' },
      world.gateway.operator,
    );
  });

  test('needs the scope ASK', async () => {
    const { secret } = await world.tenant.key({ scopes: ['read', 'write', 'search', 'admin'] });
    await world.refused(
      'recordBotQuery',
      asked,
      { code: 'FORBIDDEN', field: 'Mutation.recordBotQuery' },
      world.gateway.client(secret),
    );
  });

  test('under one key logs once', async () => {
    const input = { ...asked, query: 'Once?', idempotencyKey: v4() };
    const answers = await Promise.all(
      [1, 2, 3].map(() => world.done('recordBotQuery', input, 'botQuery { id }')),
    );
    expect(new Set(answers.map(({ botQuery }) => botQuery.id)).size).toBe(1);
    await world.refused(
      'recordBotQuery',
      { ...input, answer: 'Other' },
      { code: 'CONFLICT', field: 'input.idempotencyKey' },
    );
  });
});
