import { parse, type DocumentNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { documentStore } from '../../../../src/graphql/trusted-documents/document-store.js';

type Known = Parameters<typeof documentStore>[0];

const digest = (nth: number): string => String(nth).padStart(64, '0');

/**
 * How many of so many different documents are still there, and whether the first and the last of
 * them are.
 */
async function flood(
  count: number,
  length: number,
  trusted: (digest: string) => DocumentNode | undefined = () => undefined,
): Promise<{ kept: number; first: boolean; last: boolean }> {
  const store = documentStore({ documentOf: trusted } as Pick<Known, 'documentOf'> as Known);
  for (let nth = 0; nth < count; nth += 1)
    await store.set(`schema:${digest(nth)}`, parse(`query Q${nth} { __typename }`.padEnd(length)));
  const found = await Promise.all(
    Array.from({ length: count }, (_, nth) => store.get(`schema:${digest(nth)}`)),
  );
  return {
    kept: found.filter(Boolean).length,
    first: found[0] !== undefined,
    last: found.at(-1) !== undefined,
  };
}

describe('a flood of different documents', () => {
  test('leaves the latest two thousand at most, however small they are', async () => {
    const { kept, first, last } = await flood(5_000, 0);
    expect(kept).toBeLessThanOrEqual(2_000);
    expect(kept).toBeGreaterThan(1_500);
    expect([first, last]).toEqual([false, true]);
  });

  test('leaves fewer of large ones', async () => {
    const { kept, last } = await flood(500, 9_500);
    expect(kept).toBe(100);
    expect(last).toBe(true);
  });

  test('does not drive out what is trusted', async () => {
    const document = parse('{ __typename }');
    expect(
      (await flood(5_000, 0, asked => (asked === digest(0) ? document : undefined))).first,
    ).toBe(true);
  });
});
