import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ChunkCountCache } from '../../../src/search/chunk-count-cache.js';

afterEach(() => void vi.restoreAllMocks());

describe('ScopeSizes', () => {
  test('counts once in half a minute for each key', async () => {
    const sizes = new ChunkCountCache();
    const count = vi.fn(async () => 7);
    expect([
      await sizes.of('a', count),
      await sizes.of('a', count),
      await sizes.of('b', count),
    ]).toEqual([7, 7, 7]);
    expect(count).toHaveBeenCalledTimes(2);
    const later = performance.now() + 30_001;
    vi.spyOn(performance, 'now').mockImplementation(() => later);
    // The cache looks at the clock once in a millisecond.
    await sleep(5);
    count.mockResolvedValue(8);
    expect(await sizes.of('a', count)).toBe(8);
  });

  test('forgets the oldest when there are too many', async () => {
    const sizes = new ChunkCountCache();
    for (let key = 0; key < 10_001; key += 1) await sizes.of(`${key}`, async () => 1);
    const count = vi.fn(async () => 2);
    expect(await sizes.of('10000', count)).toBe(1);
    expect(await sizes.of('0', count)).toBe(2);
  });

  test('remembers nothing when counting fails', async () => {
    const sizes = new ChunkCountCache();
    await expect(sizes.of('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await sizes.of('a', async () => 3)).toBe(3);
  });
});
