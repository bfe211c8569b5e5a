import { FairQueue } from './fair-queue.js';

/**
 * How long one caller may compute before the event loop serves others. It must be short, because
 * many requests can be answered within one iteration of the loop.
 */
const SLICE_MS = 4;

/**
 * Asked before each step of a computation. A promise: others are first, and it is to be waited for.
 */
export type Pause = () => Promise<void> | undefined;

/**
 * Runs long computations of this thread in slices of a few milliseconds, one slice in each
 * iteration of the event loop, for the callers in turn. So other requests are served between the
 * slices, and a short computation does not wait for a long one.
 */
export class ComputeScheduler {
  readonly #queue = new FairQueue();
  /** Whether a slice runs in this iteration of the event loop or is about to run in the next. */
  #isSliceActive = false;

  /**
   * The function to await between the steps of a computation for this caller. It rejects with the
   * reason of `signal`.
   */
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
