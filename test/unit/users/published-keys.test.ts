import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../../../src/observability/logger.js';
import { publishedKeys } from '../../../src/users/published-keys.js';
import { IdentityProvider, signingKey } from '../../support/identity-provider.js';

const provider = new IdentityProvider();
afterEach(() => provider.close());

test('a provider that never ends its answer is given up, and tokens are UNAVAILABLE', async () => {
  const key = await signingKey();
  const url = await provider.start();
  for (const stall of [
    () => {},
    (response: Parameters<typeof provider.answer>[0]) => response.writeHead(200).write('{"keys":['),
  ]) {
    provider.answer = stall;
    const ask = publishedKeys(url, createLogger('silent'), 1_000);
    await expect(ask({ alg: key.alg, kid: key.kid }, {} as never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterMs: expect.any(Number),
    });
  }
  expect(provider.fetches).toBe(2);
});
