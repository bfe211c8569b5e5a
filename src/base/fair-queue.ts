interface Waiter {
  readonly holder: string;
  grant(): void;
  /** Undefined: it has begun already, and is not to be refused. */
  readonly refuse: ((error: Error) => void) | undefined;
}

/**
 * A queue for a scarce resource that serves names in turn (round robin), and the requests of one
 * name in their order. So a name with many requests delays its own requests, not those of others.
 */
export class FairQueue {
  /** The waiting requests of each name. The first name of the map is served next. */
  readonly #queues = new Map<string, Set<Waiter>>();
  #refusable = 0;

  /** How many wait that `makeRoom` could refuse. */
  get refusable(): number {
    return this.#refusable;
  }

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /**
   * Waits until `next` reaches this request. Rejects with the reason of `signal`, which also
   * removes the request. `holder` is the name that the resource is counted for, if it differs from
   * `name`; it must be the same for all requests of one name.
   */
  wait(
    name: string,
    signal?: AbortSignal,
    { holder = name, isRefusable = false }: { holder?: string; isRefusable?: boolean } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        this.#remove(name, waiter);
        reject(signal!.reason as Error);
      };
      const removeListener = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        holder,
        grant: () => (removeListener(), resolve()),
        refuse: isRefusable ? error => (removeListener(), reject(error)) : undefined,
      };
      signal?.addEventListener('abort', onAbort);
      const queue = this.#queues.get(name);
      if (queue) queue.add(waiter);
      else this.#queues.set(name, new Set([waiter]));
      if (isRefusable) this.#refusable += 1;
    });
  }

  /**
   * Lets the next one go of those whose holder `mayTake`, and gives the holder; undefined where
   * there is none.
   */
  next(mayTake: (holder: string) => boolean = () => true): string | undefined {
    for (const [name, queue] of this.#queues) {
      const [waiter] = queue;
      if (!mayTake(waiter!.holder)) continue;
      this.#remove(name, waiter!);
      // Behind all others that wait.
      if (this.#queues.delete(name)) this.#queues.set(name, queue);
      waiter!.grant();
      return waiter!.holder;
    }
    return undefined;
  }

  /**
   * Rejects the latest request of the name with the most requests that may be rejected, to make
   * room for `name`. Returns false if that is `name` itself.
   */
  makeRoom(name: string, error: Error): boolean {
    let longest: { name: string; waiters: Waiter[] } | undefined;
    let ownCount = 0;
    for (const [otherName, queue] of this.#queues) {
      const waiters = [...queue].filter(waiter => waiter.refuse);
      if (otherName === name) ownCount = waiters.length;
      if (waiters.length > (longest?.waiters.length ?? 0)) longest = { name: otherName, waiters };
    }
    if (!longest || longest.waiters.length <= ownCount + 1) return false;
    const latest = longest.waiters.at(-1)!;
    this.#remove(longest.name, latest);
    latest.refuse!(error);
    return true;
  }

  #remove(name: string, waiter: Waiter): void {
    const queue = this.#queues.get(name)!;
    queue.delete(waiter);
    if (queue.size === 0) this.#queues.delete(name);
    if (waiter.refuse) this.#refusable -= 1;
  }
}

/** How many of something scarce each name holds. */
export class HolderCounts {
  readonly #counts = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
    this.#total += 1;
  }

  remove(name: string): void {
    const remaining = this.of(name) - 1;
    if (remaining > 0) this.#counts.set(name, remaining);
    else this.#counts.delete(name);
    this.#total -= 1;
  }

  /**
   * Whether `name` may have another one of `total`: while more are free than it holds. So one alone
   * gets half, and leaves the other half to those that come later, each of which gets half of what
   * is left.
   */
  canTakeAnother(name: string, total: number): boolean {
    return this.of(name) < total - this.#total;
  }
}
