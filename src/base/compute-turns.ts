import { TurnQueue } from './turn-queue.js';

/**
 * How long one may compute before others have the event loop. Many requests are answered within a
 * turn of it, so it may not be long.
 */
const SLICE_MS = 4;

/**
 * Asked before each step of a computation. A promise: others are first, and it is to be waited for.
 */
export type Pause = () => Promise<void> | undefined;

/**
 * Long computations in this thread, in slices of a few milliseconds: one slice in a turn of the
 * event loop, whose it is going round among the callers. So however many compute, and however much,
 * everybody else is served in between, and a short one waits for no long one.
 */
export class ComputeTurns {
  readonly #waiting = new TurnQueue();
  /** A slice has begun in this turn of the event loop, or one is about to in the next. */
  #isTaken = false;

  /** For what is computed for one operation of a caller's. It rejects with the signal's reason. */
  pauseOf(caller: string, signal?: AbortSignal): Pause {
    let end = 0;
    const begin = (): void => void (end = performance.now() + SLICE_MS);
    return () => {
      if (performance.now() < end) return undefined;
      if (this.#isTaken) return this.#waiting.wait(caller, signal).then(begin);
      this.#take();
      begin();
      return undefined;
    };
  }

  #take(): void {
    this.#isTaken = true;
    setImmediate(() => {
      this.#isTaken = false;
      if (this.#waiting.next() !== undefined) this.#take();
    });
  }
}
