import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pause } from '../../base/compute-scheduler.js';

/** Values between two looks at the clock: some microseconds each, but for vectors and errors. */
const STEPS = 64;

/** Values before the first look: most answers have fewer, and are made at once. */
const STEPS_AT_FIRST = 512;

/**
 * The pauses of one operation's execution, in which others are served. What comes for it meanwhile
 * waits, and so do loads, so that all that a level asks for is still loaded at once.
 */
export class Pauses {
  #steps: number;
  /** While others are served, nothing of the operation may go on. */
  #over: Promise<void> | undefined;
  #loads: (() => void)[] = [];

  /** What is shorter than `stepsAtFirst` never asks `pause`. */
  constructor(
    private readonly pause: Pause,
    private readonly stepsAtOnce = STEPS,
    stepsAtFirst = STEPS_AT_FIRST,
  ) {
    this.#steps = stepsAtOnce - stepsAtFirst;
  }

  /** Asked before each step. True: `over` is to be waited for first, and this asked again. */
  isDue(): boolean {
    if (this.#over) return true;
    this.#steps += 1;
    if (this.#steps < this.stepsAtOnce) return false;
    this.#steps = 0;
    const others = this.pause();
    if (!others) return false;
    // An operation whose time is over goes on to its end, since nothing that it still asks for is
    // read.
    this.#over = others.catch(() => nextTurn()).then(() => this.#goOn());
    return true;
  }

  /** After a step that took long. */
  hurry(): void {
    this.#steps = this.stepsAtOnce;
  }

  /** Settled in a later turn of the event loop, when the others have been served. */
  over(): Promise<void> | undefined {
    return this.#over;
  }

  #goOn(): void {
    this.#over = undefined;
    for (const load of this.#loads.splice(0)) this.afterLevel(load);
  }

  /**
   * Calls `load` when all that promises settled by now lead to has been asked for, as dataloaders
   * do by themselves, and no pause cuts it in two.
   */
  afterLevel(load: () => void): void {
    queueMicrotask(() =>
      process.nextTick(() => {
        if (this.#over) this.#loads.push(load);
        else load();
      }),
    );
  }
}
