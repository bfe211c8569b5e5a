import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import { StartupError } from '../base/startup-error.js';

/**
 * What the first process tells the others when it is time to stop; signals are the terminal's,
 * which sends them to all.
 */
const STOP = 'stop';
const READY = 'ready';

/**
 * A worker that ends by itself is replaced after this long, doubled each time until one has lived
 * for a while.
 */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
const MIN_UPTIME_MS = 60_000;

/**
 * The number of this process among its siblings; undefined where it is the only one or the one that
 * started them.
 */
export function workerNumber(): number | undefined {
  return cluster.worker?.id;
}

/** Tells the first process where this one listens. */
export function reportReady(url: string): void {
  // That the first process is gone, this one is told by the end of their channel.
  process.send?.({ [READY]: url }, undefined, undefined, () => {});
}

/** Lets this process end: the channel to the first one would keep it alive. */
export function leave(): void {
  if (workerNumber() !== undefined && process.connected) process.disconnect();
}

/** Calls back when the first process says that it is time to stop. */
export function onStop(stop: () => void): void {
  process.on('message', message => {
    if (message === STOP) stop();
  });
}

/**
 * Runs `count` processes of the same command that share one port, until `stopRequested`. The first
 * ones must all come up: one that does not ends everything, with its reason in the log. Later, one
 * that ends is replaced. `ready` is called once, with the address.
 */
export async function runWorkers(
  count: number,
  {
    stopRequested,
    log,
    ready,
  }: { stopRequested: Promise<void>; log: Logger; ready: (url: string) => void },
): Promise<void> {
  const liveWorkers = new Set<Worker>();
  const ended = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  let isStopping = false;
  let isReady = false;
  let delayMs = FIRST_DELAY_MS;

  const start = (): void => {
    if (isStopping) return;
    const worker = cluster.fork();
    const startedAt = performance.now();
    let wasReady = false;
    liveWorkers.add(worker);
    worker.on('message', (message: { [READY]?: string }) => {
      if (message[READY] === undefined) return;
      wasReady = true;
      // Whoever comes up first serves everybody; the others follow.
      if (!isReady) ready(message[READY]);
      isReady = true;
    });
    // That it could not be started or told something: whichever it is, it has ended or is about to.
    worker.on('error', error =>
      log.error({ err: error, worker: worker.id }, 'A worker cannot be reached'),
    );
    worker.once('exit', (code, signal) => {
      liveWorkers.delete(worker);
      if (isStopping) return void (liveWorkers.size === 0 && ended.resolve());
      if (!wasReady && !isReady)
        return failed.reject(new StartupError('A worker did not start; its own message says why.'));
      if (performance.now() - startedAt > MIN_UPTIME_MS) delayMs = FIRST_DELAY_MS;
      log.error(
        { worker: worker.id, code, signal, delayMs },
        'A worker ended and will be replaced',
      );
      setTimeout(start, delayMs);
      delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS);
    });
  };
  const stop = (): Promise<void> => {
    isStopping = true;
    if (liveWorkers.size === 0) ended.resolve();
    for (const worker of liveWorkers) if (worker.isConnected()) worker.send(STOP);
    return ended.promise;
  };

  for (let n = 0; n < count; n += 1) start();
  try {
    await Promise.race([stopRequested, failed.promise]);
  } finally {
    await stop();
  }
}
