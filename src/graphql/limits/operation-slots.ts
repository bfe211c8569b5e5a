import { AppError } from '../../base/app-error.js';
import { Holdings, TurnQueue } from '../../base/turn-queue.js';

const RETRY_AFTER_MS = 1_000;

/** Whose an operation is. */
export interface OperationCaller {
  /** Whose turn it is goes round among these. */
  readonly name: string;
  /** Of which one holds half of the slots at most: a tenant, for all its keys and users. */
  readonly tenant: string;
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
    private readonly caller: OperationCaller,
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
    if (this.#holdsSlot) this.slots.leave(this.caller);
    if (this.#isAside) this.slots.stayAway();
    this.#holdsSlot = this.#isAside = false;
    // What is still asked then has nobody to answer, and no slot.
    this.#back?.reject(new AppError('UNAVAILABLE', 'The operation has ended.'));
    this.#back = undefined;
  }

  /**
   * What `wait` gives. Meanwhile another operation has the slot, and afterwards it is waited for
   * again: so a service that does not answer holds up those only who ask it. Other fields of the
   * operation wait as well, before their next statement (`untilBack`).
   */
  async away<T>(wait: () => Promise<T>): Promise<T> {
    this.#waits += 1;
    if (this.#holdsSlot && this.slots.stepAside(this.caller)) {
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

  /**
   * To be waited for before a statement is sent; undefined where the slot was never given up, or is
   * there again. Rejects where it cannot be had again.
   */
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
    if (this.#isOver) return this.slots.leave(this.caller);
    this.#holdsSlot = true;
    this.#back?.resolve();
    this.#back = undefined;
  }
}

/**
 * Lets so many operations run at the same time, and so many others wait: whose turn it is goes
 * round among the callers that wait, so that one who sends many keeps nobody with few from being
 * served. Nor does a tenant whose operations take long: it gets another slot only while more are
 * free than it holds. Whoever finds no place to wait is refused at once.
 */
export class OperationSlots {
  readonly #running = new Holdings();
  readonly #waiting = new TurnQueue();
  /** Gave theirs up for a while. */
  #aside = 0;

  constructor(
    private readonly atOnce: number,
    private readonly inQueue: number,
  ) {}

  /**
   * Waits for a slot; call `leave` afterwards. Throws `UNAVAILABLE`, or the signal's reason where
   * that is aborted before.
   */
  async enter(caller: OperationCaller, signal: AbortSignal): Promise<void> {
    if (this.#mayRun(caller.tenant)) return this.#running.add(caller.tenant);
    if (this.#waiting.refusable >= this.inQueue && !this.#waiting.makeRoom(caller.name, tooMany()))
      throw tooMany();
    await this.#waiting.wait(caller.name, signal, { holder: caller.tenant, isRefusable: true });
  }

  /** Gives the slot to whoever is next. */
  leave({ tenant }: OperationCaller): void {
    this.#running.remove(tenant);
    for (let next; (next = this.#waiting.next(holder => this.#mayRun(holder))) !== undefined;)
      this.#running.add(next);
  }

  /**
   * Gives the slot up for a while, and says so; not where as many have already as may wait, since
   * each of them holds memory.
   */
  stepAside(caller: OperationCaller): boolean {
    if (this.#aside >= this.inQueue) return false;
    this.#aside += 1;
    this.leave(caller);
    return true;
  }

  /**
   * The slot again, after `stepAside`. Never refused for want of a place to wait: what was begun
   * had one. Throws the signal's reason.
   */
  async comeBack({ name, tenant }: OperationCaller, signal: AbortSignal): Promise<void> {
    this.#aside -= 1;
    if (this.#mayRun(tenant)) this.#running.add(tenant);
    else await this.#waiting.wait(name, signal, { holder: tenant });
  }

  /** Instead of `comeBack`. */
  stayAway(): void {
    this.#aside -= 1;
  }

  #mayRun(tenant: string): boolean {
    return this.#running.mayHaveAnother(tenant, this.atOnce);
  }
}

function tooMany(): AppError {
  return new AppError(
    'UNAVAILABLE',
    'Too many operations are waiting to be run at the moment. Try again shortly.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
