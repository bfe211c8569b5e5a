import { StartupError } from '../base/startup-error.js';

/** As shells count them: 128 and the number of the signal. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof EXIT_CODES;

/** A command that was ended by Ctrl+C or a signal, after it tidied up. */
export class Interrupted extends StartupError {
  readonly exitCode: number;

  constructor(message: string, by: Signal, cause: unknown) {
    super(message, { cause });
    this.exitCode = EXIT_CODES[by];
  }
}

/**
 * What `work` gives, with a signal that the first Ctrl+C or SIGTERM aborts, so that it can tidy up.
 * `kept` says then what is left and what to do, as the end of a sentence; without it the error of
 * `work` says so. A second one ends the process as ever.
 */
export async function untilInterrupted<T>(
  kept: string | (() => string) | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  let by: Signal | undefined;
  const ignore = (): void => {
    for (const signal of Object.keys(EXIT_CODES)) process.off(signal, stopNow);
  };
  const stopNow = (signal: Signal): void => {
    ignore();
    by = signal;
    stop.abort(new StartupError('It was interrupted.'));
  };
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, stopNow);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (by === undefined) throw error;
    // What fails because it was stopped says something else.
    const message =
      kept === undefined
        ? (error as Error).message
        : `Interrupted: ${typeof kept === 'string' ? kept : kept()}.`;
    throw new Interrupted(message, by, error);
  } finally {
    ignore();
  }
}
