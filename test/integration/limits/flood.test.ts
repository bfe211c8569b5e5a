import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

/** Sends so many different valid operations of some kilobytes each, a few at a time. */
async function flood(from: number, count: number): Promise<void> {
  const fields = Array.from(
    { length: 150 },
    (_, nth) => `alias_of_the_name_${nth}: __typename`,
  ).join(' ');
  for (let sent = from; sent < from + count; sent += 10) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, nth) =>
        expect(
          (await gateway.operator.query(`query Q${sent + nth} { viewer { ${fields} } }`)).status,
        ).toBe(200),
      ),
    );
  }
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

test('documents that never come again leave nothing behind but the latest', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  await flood(0, 500);
  const before = heapBytes();
  await flood(500, 1_500);
  // Kept, each of them takes some 160 kB.
  expect((heapBytes() - before) / 2 ** 20).toBeLessThan(40);
}, 120_000);
