import type { Logger } from 'pino';
import { onFirstSignal } from './signals.js';
import { onStop, workerNumber } from './workers.js';

/**
 * How long requests in flight may take when the gateway is told to stop, and then the database to
 * close.
 */
export const DRAIN_MS = 10_000;
export const CLOSE_MS = 5_000;

interface StopRequest {
  /** When it is time to stop. */
  readonly requested: Promise<void>;
  /** Whether that is because something was thrown that nobody caught. */
  hasFailed(): boolean;
  stopListening(): void;
}

/**
 * Listens for the first SIGINT or SIGTERM, or the word of the process that started this one; a
 * later signal ends the process at once. The last resort as well: what is thrown, or rejected,
 * where nobody catches it leaves the process in a state that nobody knows. So it is logged and the
 * process ends, in order as far as that can be:
 * https://nodejs.org/api/process.html#warning-using-uncaughtexception-correctly
 */
export function listenForEnd(log: Logger): StopRequest {
  const { promise, resolve } = Promise.withResolvers<void>();
  let hasFailed = false;
  const tell = (signal?: NodeJS.Signals): void => {
    log.info({ signal }, 'Stopping');
    resolve();
  };
  const fail = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    log.fatal({ err: error, origin }, 'Stopping because of an unexpected error');
    if (hasFailed) return;
    hasFailed = true;
    process.exitCode = 1;
    // If what is to be awaited now never comes.
    setTimeout(() => process.exit(1), DRAIN_MS + 2 * CLOSE_MS).unref();
    resolve();
  };
  const stopListeningToSignals = onFirstSignal(['SIGINT', 'SIGTERM'], tell);
  process.on('uncaughtException', fail);
  if (workerNumber() !== undefined) onStop(() => tell());
  return {
    requested: promise,
    hasFailed: () => hasFailed,
    stopListening: () => {
      stopListeningToSignals();
      process.off('uncaughtException', fail);
    },
  };
}

/**
 * Whether `work` is done within `ms`. That it failed is logged: whoever stops goes on with the
 * rest.
 */
export async function finishesWithin(
  ms: number,
  work: Promise<void>,
  log: Logger,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<false>(resolve => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([work.then(() => true), timedOut]);
  } catch (error) {
    log.error({ err: error }, 'The gateway was not stopped cleanly');
    return false;
  } finally {
    clearTimeout(timer);
  }
}
