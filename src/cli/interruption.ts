import { StartupError } from '../base/startup-error.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * What `work` gives, with a signal that the first Ctrl+C or SIGTERM aborts, so that it can tidy up.
 * `kept` says then what is left, as the end of a sentence. A second one ends the process as ever.
 */
export async function untilInterrupted<T>(
  kept: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const ignore = (): void => {
    for (const signal of SIGNALS) process.off(signal, stopNow);
  };
  const stopNow = (): void => {
    ignore();
    stop.abort(new StartupError(`Interrupted: ${kept}.`));
  };
  for (const signal of SIGNALS) process.on(signal, stopNow);
  try {
    return await work(stop.signal);
  } catch (error) {
    // What fails because it was stopped says something else.
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    ignore();
  }
}
