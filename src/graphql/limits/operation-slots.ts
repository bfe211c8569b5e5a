import { AppError } from '../../base/app-error.js';
import { HolderCounts, FairQueue } from '../../base/fair-queue.js';

const RETRY_AFTER_MS = 1_000;

/** Whose an operation is. */
export interface OperationCaller {
  /** The name by which callers take turns. */
  readonly name: string;
  /** Of which one holds half of the slots at most: a tenant, for all its keys and users. */
  readonly tenant: string;
}

/** One operation's slot. */
export class OperationSlot {
  #holdsSlot = false;
  /** Gave the slot up and has not asked for it again. */
  #isYielded = false;
  #isReleased = false;
  #pendingWaits = 0;
  /** From when the slot is given up until it is there again. */
  #reacquired: PromiseWithResolvers<void> | undefined;

  constructor(
    private readonly slots: OperationSlots,
    private readonly caller: OperationCaller,
    private readonly signal: AbortSignal,
  ) {}

  /** Waits for the slot; throws as `OperationSlots.acquire`. */
  async acquire(): Promise<void> {
    await this.slots.acquire(this.caller, this.signal);
    this.#holdsSlot = true;
  }

  /** Whether the slot could be had without waiting, and so is. */
  acquireNow(): boolean {
    return (this.#holdsSlot = this.slots.acquireNow(this.caller));
  }

  /** Must follow `acquire`, whatever the operation came to. */
  release(): void {
    this.#isReleased = true;
    if (this.#holdsSlot) this.slots.release(this.caller);
    if (this.#isYielded) this.slots.abandon();
    this.#holdsSlot = this.#isYielded = false;
    // What is still asked then has nobody to answer, and no slot.
    this.#reacquired?.reject(new AppError('UNAVAILABLE', 'The operation has ended.'));
    this.#reacquired = undefined;
  }

  /**
   * What `wait` gives. Meanwhile another operation has the slot, and afterwards it is waited for
   * again: so a service that does not answer holds up those only who ask it. Other fields of the
   * operation wait as well, before their next statement (`untilReacquired`).
   */
  async releaseDuring<T>(wait: () => Promise<T>): Promise<T> {
    this.#pendingWaits += 1;
    if (this.#holdsSlot && this.slots.yieldSlot(this.caller)) {
      this.#holdsSlot = false;
      this.#isYielded = true;
      this.#reacquired = Promise.withResolvers();
      // Whether anyone waits for it is not sure.
      this.#reacquired.promise.catch(() => {});
    }
    try {
      return await wait();
    } finally {
      this.#pendingWaits -= 1;
      if (this.#pendingWaits === 0 && this.#isYielded) await this.#reacquire();
    }
  }

  /**
   * To be waited for before a statement is sent; undefined where the slot was never given up, or is
   * there again. Rejects where it cannot be had again.
   */
  untilReacquired(): Promise<void> | undefined {
    return this.#reacquired?.promise;
  }

  async #reacquire(): Promise<void> {
    this.#isYielded = false;
    try {
      await this.slots.reacquire(this.caller, this.signal);
    } catch (error) {
      this.#reacquired?.reject(error);
      throw error;
    }
    if (this.#isReleased) return this.slots.release(this.caller);
    this.#holdsSlot = true;
    this.#reacquired?.resolve();
    this.#reacquired = undefined;
  }
}

/**
 * Lets so many operations run at the same time, and so many others wait: whose turn it is goes
 * round among the callers that wait, so that one who sends many keeps nobody with few from being
 * served. Nor does a tenant whose operations take long: it gets another slot only while more are
 * free than it holds. Whoever finds no place to wait is refused at once.
 */
export class OperationSlots {
  readonly #running = new HolderCounts();
  readonly #waiting = new FairQueue();
  /** Gave theirs up for a while. */
  #yielded = 0;

  constructor(
    private readonly maxRunning: number,
    private readonly maxWaiting: number,
  ) {}

  /**
   * Waits for a slot; call `release` afterwards. Throws `UNAVAILABLE`, or the signal's reason where
   * that is aborted before.
   */
  async acquire(caller: OperationCaller, signal: AbortSignal): Promise<void> {
    if (this.acquireNow(caller)) return;
    if (
      this.#waiting.refusable >= this.maxWaiting &&
      !this.#waiting.makeRoom(caller.name, tooManyOperations())
    )
      throw tooManyOperations();
    await this.#waiting.wait(caller.name, signal, { holder: caller.tenant, isRefusable: true });
  }

  acquireNow({ tenant }: OperationCaller): boolean {
    const canRun = this.#canRun(tenant);
    if (canRun) this.#running.add(tenant);
    return canRun;
  }

  /** Gives the slot to whoever is next. */
  release({ tenant }: OperationCaller): void {
    this.#running.remove(tenant);
    for (let next; (next = this.#waiting.next(holder => this.#canRun(holder))) !== undefined;)
      this.#running.add(next);
  }

  /**
   * Gives the slot up for a while, and says so; not where as many have already as may wait, since
   * each of them holds memory.
   */
  yieldSlot(caller: OperationCaller): boolean {
    if (this.#yielded >= this.maxWaiting) return false;
    this.#yielded += 1;
    this.release(caller);
    return true;
  }

  /**
   * The slot again, after `yieldSlot`. Never refused for want of a place to wait: what was begun
   * had one. Throws the signal's reason.
   */
  async reacquire({ name, tenant }: OperationCaller, signal: AbortSignal): Promise<void> {
    this.#yielded -= 1;
    if (this.#canRun(tenant)) this.#running.add(tenant);
    else await this.#waiting.wait(name, signal, { holder: tenant });
  }

  /** Instead of `reacquire`. */
  abandon(): void {
    this.#yielded -= 1;
  }

  #canRun(tenant: string): boolean {
    return this.#running.canTakeAnother(tenant, this.maxRunning);
  }
}

function tooManyOperations(): AppError {
  return new AppError(
    'UNAVAILABLE',
    'Too many operations are waiting to be run at the moment. Try again shortly.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
