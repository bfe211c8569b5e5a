import type { CommandIo } from './command-io.js';

/** In a log, time between two lines about the same work that moves on. */
const PLAIN_LINE_MS = 5_000;
/**
 * And about work that says nothing of itself, so that whoever reads along knows that it goes on. In
 * a terminal the seconds move.
 */
const SILENT_LINE_MS = 30_000;
const TICK_MS = 1_000;

export interface ProgressOptions {
  /** How much there is to do, where that is known. */
  readonly total?: number;
  /** What is counted, such as `rows`. */
  readonly unit?: string;
  readonly now?: () => number;
}

/**
 * Shows how far long work is: in a terminal one line that changes, in a log a plain line every few
 * seconds, so that short work says nothing there. Call `update` as often as you like, and `end`
 * once, whatever happened.
 */
export class Progress {
  readonly #now: () => number;
  readonly #started: number;
  #lastLine: number;
  #lastText: string;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly io: Pick<CommandIo, 'say' | 'show'>,
    private readonly label: string,
    private readonly options: ProgressOptions = {},
  ) {
    this.#now = options.now ?? Date.now;
    this.#started = this.#lastLine = this.#now();
    this.#lastText = `${label} …`;
    this.io.show?.(this.#lastText);
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** Says again what was said last, with the time, where nothing else was said for long. */
  tick(): void {
    this.#print(this.#lastText, SILENT_LINE_MS);
  }

  /** `done` of the total, and what is being done just now. */
  update(done: number | undefined, doing?: string): void {
    this.#lastText = [this.label, this.#count(done), doing].filter(part => part).join('  ');
    this.#print(this.#lastText, PLAIN_LINE_MS);
  }

  /** Takes the live line away. */
  end(): void {
    clearInterval(this.#timer);
    this.io.show?.('');
  }

  #print(line: string, intervalMs: number): void {
    const now = this.#now();
    const text = `${line}  ${this.#seconds(now)}`;
    if (this.io.show) return this.io.show(text);
    if (now - this.#lastLine < intervalMs) return;
    this.#lastLine = now;
    this.io.say(text);
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
