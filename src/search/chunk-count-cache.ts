import { LRUCache } from 'lru-cache';

/**
 * How many chunks scopes have, kept for half a minute. It serves to choose how to search and for
 * nothing else: every way gives right answers at any size, so that an outdated number costs time
 * and never a hit.
 */
export class ChunkCountCache {
  readonly #sizes = new LRUCache<string, number>({ max: 10_000, ttl: 30_000 });

  /** The size kept under `key`, else what `count` says. */
  async of(key: string, count: () => Promise<number>): Promise<number> {
    const entries = this.#sizes.get(key);
    if (entries !== undefined) return entries;
    const chunks = await count();
    this.#sizes.set(key, chunks);
    return chunks;
  }
}
