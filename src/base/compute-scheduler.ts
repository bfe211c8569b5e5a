import { FairQueue } from './fair-queue.js';

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
export class ComputeScheduler {
  readonly #queue = new FairQueue();
  /** A slice has begun in this turn of the event loop, or one is about to in the next. */
  #isSliceActive = false;

  /** For what is computed for one operation of a caller's. It rejects with the signal's reason. */
  pauseFor(caller: string, signal?: AbortSignal): Pause {
    let end = 0;
    const begin = (): void => void (end = performance.now() + SLICE_MS);
    return () => {
      if (performance.now() < end) return undefined;
      if (this.#isSliceActive) return this.#queue.wait(caller, signal).then(begin);
      this.#startSlice();
      begin();
      return undefined;
    };
  }

  #startSlice(): void {
    this.#isSliceActive = true;
    setImmediate(() => {
      this.#isSliceActive = false;
      if (this.#queue.next() !== undefined) this.#startSlice();
    });
  }
}
