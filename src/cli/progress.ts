import type { CommandIo } from './command-io.js';

/** In a log, time between two lines about the same work. */
const PLAIN_LINE_MS = 5_000;

export interface ProgressOptions {
  /** How much there is to do, where that is known. */
  readonly total?: number;
  /** What is counted, such as `rows`. */
  readonly unit?: string;
  readonly now?: () => number;
}

/**
 * Shows how far long work is: in a terminal one line that changes, in a log a plain line every few seconds, so that short work says
 * nothing there. Call `update` as often as you like, and `end` once, whatever happened.
 */
export class Progress {
  readonly #now: () => number;
  readonly #started: number;
  #lastLine: number;

  constructor(
    private readonly io: Pick<CommandIo, 'say' | 'show'>,
    private readonly label: string,
    private readonly options: ProgressOptions = {},
  ) {
    this.#now = options.now ?? Date.now;
    this.#started = this.#lastLine = this.#now();
    this.io.show?.(`${label} …`);
  }

  /** `done` of the total, and what is being done just now. */
  update(done: number | undefined, doing?: string): void {
    const now = this.#now();
    const line = [this.label, this.#count(done), doing].filter(part => part).join('  ');
    if (this.io.show) return this.io.show(`${line}  ${this.#seconds(now)}`);
    if (now - this.#lastLine < PLAIN_LINE_MS) return;
    this.#lastLine = now;
    this.io.say(`${line}  ${this.#seconds(now)}`);
  }

  /** Takes the live line away. */
  end(): void {
    this.io.show?.('');
  }

  #count(done: number | undefined): string {
    if (done === undefined) return '';
    const { total, unit } = this.options;
    const of = total === undefined ? '' : ` of ${total}`;
    const percent = total ? ` (${Math.floor((100 * done) / total)} %)` : '';
    return `${done}${of}${unit ? ` ${unit}` : ''}${percent}`;
  }

  #seconds(now: number): string {
    return `${Math.round((now - this.#started) / 1000)} s`;
  }
}
