/** For how long a size holds, and how many are remembered at most. */
const TIME_TO_LIVE_MS = 30_000;
const MAX_REMEMBERED = 10_000;

interface Size {
  readonly chunks: number;
  readonly until: number;
}

/**
 * How many chunks scopes have, remembered for half a minute. It serves to choose how to search and
 * for nothing else: every way gives right answers at any size, so that an outdated number costs
 * time and never a hit.
 */
export class ScopeSizes {
  readonly #known = new Map<string, Size>();

  /** The size known by `key`, else what `count` says. */
  async of(key: string, count: () => Promise<number>): Promise<number> {
    const known = this.#known.get(key);
    if (known && known.until > performance.now()) return known.chunks;
    const chunks = await count();
    // Written anew, it is the youngest; the first in the map's order is the oldest.
    this.#known.delete(key);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, { chunks, until: performance.now() + TIME_TO_LIVE_MS });
    return chunks;
  }
}
