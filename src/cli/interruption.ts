import { StartupError } from '../base/startup-error.js';
import { onFirstSignal } from './signals.js';

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
 * `outcome` says then what is left and what to do, as the end of a sentence; without it the error
 * of `work` says so. A later one ends the process as ever.
 */
export async function untilInterrupted<T>(
  outcome: string | (() => string) | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let by: Signal | undefined;
  const stopListening = onFirstSignal(Object.keys(EXIT_CODES) as Signal[], signal => {
    by = signal;
    controller.abort(new StartupError('It was interrupted.'));
  });
  try {
    return await work(controller.signal);
  } catch (error) {
    if (by === undefined) throw error;
    // What fails because it was stopped says something else.
    const message =
      outcome === undefined
        ? (error as Error).message
        : `Interrupted: ${typeof outcome === 'string' ? outcome : outcome()}.`;
    throw new Interrupted(message, by, error);
  } finally {
    stopListening();
  }
}
