import { AppError } from '../../base/app-error.js';

const RETRY_AFTER_MS = 1_000;

interface Waiter {
  go(): void;
  refuse(error: AppError): void;
}

/** One operation's slot. */
export class OperationTurn {
  #holdsSlot = false;
  /** Gave the slot up and has not asked for it again. */
  #isAside = false;
  #isOver = false;
  #waits = 0;

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
  }

  /**
   * What `wait` gives. Meanwhile another operation has the slot, and afterwards it is waited for again: so a service that does not answer
   * holds up those only who ask it. For waits in which the operation holds no connection.
   */
  async away<T>(wait: () => Promise<T>): Promise<T> {
    this.#waits += 1;
    if (this.#holdsSlot && this.slots.stepAside()) {
      this.#holdsSlot = false;
      this.#isAside = true;
    }
    try {
      return await wait();
    } finally {
      this.#waits -= 1;
      if (this.#waits === 0 && this.#isAside) await this.#comeBack();
    }
  }

  async #comeBack(): Promise<void> {
    this.#isAside = false;
    await this.slots.comeBack(this.caller, this.signal);
    if (this.#isOver) this.slots.leave();
    else this.#holdsSlot = true;
  }
}

/**
 * Lets so many operations run at the same time, and so many others wait: whose turn it is goes round among the callers that wait, so that
 * one who sends many keeps nobody with few from being served. Whoever finds no place to wait is refused at once.
 */
export class OperationSlots {
  #running = 0;
  #waiting = 0;
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
    await this.#wait(caller, signal);
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
    else await this.#wait(caller, signal);
  }

  /** Instead of `comeBack`. */
  stayAway(): void {
    this.#aside -= 1;
  }

  #wait(caller: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#remove(caller, waiter);
        reject(signal.reason as Error);
      };
      const settled = (): void => signal.removeEventListener('abort', giveUp);
      const waiter: Waiter = { go: () => (settled(), resolve()), refuse: error => (settled(), reject(error)) };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', giveUp);
      const queue = this.#queues.get(caller);
      if (queue) queue.add(waiter);
      else this.#queues.set(caller, new Set([waiter]));
      this.#waiting += 1;
    });
  }

  #remove(caller: string, waiter: Waiter): void {
    const queue = this.#queues.get(caller)!;
    queue.delete(waiter);
    if (queue.size === 0) this.#queues.delete(caller);
    this.#waiting -= 1;
  }

  /** Of the caller with the most that wait, the latest goes, unless that is the one who comes now. */
  #makeRoom(caller: string): void {
    const own = this.#queues.get(caller)?.size ?? 0;
    let longest: [string, Set<Waiter>] | undefined;
    for (const queue of this.#queues) if (queue[1].size > (longest?.[1].size ?? 0)) longest = queue;
    if (!longest || longest[1].size <= own + 1) throw tooMany();
    const latest = [...longest[1]].at(-1)!;
    this.#remove(longest[0], latest);
    latest.refuse(tooMany());
  }
}

function tooMany(): AppError {
  return new AppError('UNAVAILABLE', 'Too many operations are waiting to be run at the moment. Try again shortly.', { retryAfterMs: RETRY_AFTER_MS });
}
