import { AppError } from '../../base/app-error.js';

const RETRY_AFTER_MS = 1_000;

interface Waiter {
  go(): void;
  refuse(error: AppError): void;
}

/**
 * Lets so many operations run at the same time, and so many others wait: whose turn it is goes round among the callers that wait, so that
 * one who sends many keeps nobody with few from being served. Whoever finds no place to wait is refused at once.
 */
export class OperationSlots {
  #running = 0;
  #waiting = 0;
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
