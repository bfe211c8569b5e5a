import { AppError } from '../../base/app-error.js';

const RETRY_AFTER_MS = 1_000;

interface Waiter {
  go(): void;
  /** Undefined: it has begun already, and is not to be refused. */
  readonly refuse: ((error: AppError) => void) | undefined;
}

/** One operation's slot. */
export class OperationTurn {
  #holdsSlot = false;
  /** Gave the slot up and has not asked for it again. */
  #isAside = false;
  #isOver = false;
  #waits = 0;
  /** From when the slot is given up until it is there again. */
  #back: PromiseWithResolvers<void> | undefined;

  constructor(
    private readonly slots: OperationSlots,
    private readonly caller: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Waits for the slot; throws as `OperationSlots.enter`. */
  async begin(): Promise<void> {
    await this.slots.enter(this.caller, this.signal);
    this.#holdsSlot = true;
  }

  /** Must follow `begin`, whatever the operation came to. */
  end(): void {
    this.#isOver = true;
    if (this.#holdsSlot) this.slots.leave();
    if (this.#isAside) this.slots.stayAway();
    this.#holdsSlot = this.#isAside = false;
    // What is still asked then has nobody to answer, and no slot.
    this.#back?.reject(new AppError('UNAVAILABLE', 'The operation has ended.'));
    this.#back = undefined;
  }

  /**
   * What `wait` gives. Meanwhile another operation has the slot, and afterwards it is waited for again: so a service that does not answer
   * holds up those only who ask it. Other fields of the operation wait as well, before their next statement (`untilBack`).
   */
  async away<T>(wait: () => Promise<T>): Promise<T> {
    this.#waits += 1;
    if (this.#holdsSlot && this.slots.stepAside()) {
      this.#holdsSlot = false;
      this.#isAside = true;
      this.#back = Promise.withResolvers();
      // Whether anyone waits for it is not sure.
      this.#back.promise.catch(() => {});
    }
    try {
      return await wait();
    } finally {
      this.#waits -= 1;
      if (this.#waits === 0 && this.#isAside) await this.#comeBack();
    }
  }

  /** To be waited for before a statement is sent; undefined where the slot was never given up, or is there again. Rejects where it cannot be had again. */
  untilBack(): Promise<void> | undefined {
    return this.#back?.promise;
  }

  async #comeBack(): Promise<void> {
    this.#isAside = false;
    try {
      await this.slots.comeBack(this.caller, this.signal);
    } catch (error) {
      this.#back?.reject(error);
      throw error;
    }
    if (this.#isOver) return this.slots.leave();
    this.#holdsSlot = true;
    this.#back?.resolve();
    this.#back = undefined;
  }
}

/**
 * Lets so many operations run at the same time, and so many others wait: whose turn it is goes round among the callers that wait, so that
 * one who sends many keeps nobody with few from being served. Whoever finds no place to wait is refused at once.
 */
export class OperationSlots {
  #running = 0;
  /** For their first slot. */
  #waiting = 0;
  /** Gave theirs up for a while. */
  #aside = 0;
  /** By caller, in the order of their turns. */
  readonly #queues = new Map<string, Set<Waiter>>();

  constructor(
    private readonly atOnce: number,
    private readonly inQueue: number,
  ) {}

  /** Waits for a slot; call `leave` afterwards. Throws `UNAVAILABLE`, or the signal's reason where that is aborted before. */
  async enter(caller: string, signal: AbortSignal): Promise<void> {
    if (this.#running < this.atOnce) {
      this.#running += 1;
      return;
    }
    if (this.#waiting >= this.inQueue) this.#makeRoom(caller);
    await this.#wait(caller, signal, true);
  }

  /** Gives the slot to whoever is next. */
  leave(): void {
    const [next] = this.#queues;
    if (!next) {
      this.#running -= 1;
      return;
    }
    const [caller, queue] = next;
    const [waiter] = queue;
    this.#remove(caller, waiter!);
    // Behind all others that wait.
    if (this.#queues.delete(caller)) this.#queues.set(caller, queue);
    waiter!.go();
  }

  /** Gives the slot up for a while, and says so; not where as many have already as may wait, since each of them holds memory. */
  stepAside(): boolean {
    if (this.#aside >= this.inQueue) return false;
    this.#aside += 1;
    this.leave();
    return true;
  }

  /** The slot again, after `stepAside`. Never refused for want of a place to wait: what was begun had one. Throws the signal's reason. */
  async comeBack(caller: string, signal: AbortSignal): Promise<void> {
    this.#aside -= 1;
    if (this.#running < this.atOnce) this.#running += 1;
    else await this.#wait(caller, signal, false);
  }

  /** Instead of `comeBack`. */
  stayAway(): void {
    this.#aside -= 1;
  }

  #wait(caller: string, signal: AbortSignal, isNew: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#remove(caller, waiter);
        reject(signal.reason as Error);
      };
      const settled = (): void => signal.removeEventListener('abort', giveUp);
      const waiter: Waiter = { go: () => (settled(), resolve()), refuse: isNew ? error => (settled(), reject(error)) : undefined };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', giveUp);
      const queue = this.#queues.get(caller);
      if (queue) queue.add(waiter);
      else this.#queues.set(caller, new Set([waiter]));
      if (isNew) this.#waiting += 1;
    });
  }

  #remove(caller: string, waiter: Waiter): void {
    const queue = this.#queues.get(caller)!;
    queue.delete(waiter);
    if (queue.size === 0) this.#queues.delete(caller);
    if (waiter.refuse) this.#waiting -= 1;
  }

  /** Of the caller with the most that wait for their first slot, the latest goes, unless that is the one who comes now. */
  #makeRoom(caller: string): void {
    let longest: { caller: string; waiters: Waiter[] } | undefined;
    let own = 0;
    for (const [one, queue] of this.#queues) {
      const waiters = [...queue].filter(waiter => waiter.refuse);
      if (one === caller) own = waiters.length;
      if (waiters.length > (longest?.waiters.length ?? 0)) longest = { caller: one, waiters };
    }
    if (!longest || longest.waiters.length <= own + 1) throw tooMany();
    const latest = longest.waiters.at(-1)!;
    this.#remove(longest.caller, latest);
    latest.refuse!(tooMany());
  }
}

function tooMany(): AppError {
  return new AppError('UNAVAILABLE', 'Too many operations are waiting to be run at the moment. Try again shortly.', { retryAfterMs: RETRY_AFTER_MS });
}
