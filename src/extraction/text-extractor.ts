import { Worker } from 'node:worker_threads';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { FairQueue } from '../base/fair-queue.js';
import type { ExtractionLimits } from '../config/extraction-limits.js';
import type { FileLabels } from './detect-format.js';
import { ExtractionError, type ExtractionCode } from './extraction-error.js';
import type { ExtractedText } from './read-file.js';

/** What the thread is given. `bytes` are its own. */
export interface WorkerTask {
  readonly bytes: ArrayBuffer;
  readonly labels: FileLabels;
  readonly limits: ExtractionLimits;
}

export type WorkerAnswer =
  | {
      readonly kind: 'text';
      /** In UTF-8. As a string it would be copied in one go, for which others wait. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly about: Omit<ExtractedText, 'text'>;
    }
  | {
      readonly kind: 'refusal';
      readonly code: ExtractionCode;
      readonly message: string;
      /** For the log. */
      readonly cause: string | undefined;
    };

interface ExtractionOptions extends FileLabels {
  /** Ends the thread. The promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  readonly log: Logger;
}

/**
 * The text of a file. Rejects with an `ExtractionError`. `bytes` are copied, and can be used
 * meanwhile.
 */
export type ExtractText = (bytes: Uint8Array, options: ExtractionOptions) => Promise<ExtractedText>;

/** From the sources, a thread needs what compiles them, which is there for development only. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const PROGRAM = new URL(`./extraction-worker.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url);
const COMPILER = ['--import', 'tsx'];

/** So much is copied or decoded at once: the event loop goes on in between. */
const COPIED_BYTES = 2 * 1024 * 1024;
const MEMORY_CHECK_MS = 100;
const MEGABYTE = 1024 * 1024;

/**
 * Reads files in threads: each file in one of its own, which ends with it, so that whatever a
 * hostile file does ends as well. At most `limits.filesAtOnce` run; others wait in their order. It
 * holds nothing while no file is read.
 */
export function textExtractor(limits: ExtractionLimits): ExtractText {
  const queue = new FairQueue();
  let running = 0;
  return async (bytes, { signal, log, ...labels }) => {
    signal?.throwIfAborted();
    if (bytes.length > limits.bytes)
      throw new ExtractionError(
        'TOO_LARGE',
        `The file has ${bytes.length} bytes; at most ${limits.bytes} are accepted.`,
      );
    if (running >= limits.filesAtOnce) await queue.wait('', signal);
    else running += 1;
    try {
      const copy = await copyOf(bytes);
      signal?.throwIfAborted();
      return await readInThread({ bytes: copy, labels, limits }, log, signal);
    } finally {
      // Whoever is next takes the place over.
      if (queue.next() === undefined) running -= 1;
    }
  };
}

async function decode(bytes: Uint8Array): Promise<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += COPIED_BYTES) {
    const end = start + COPIED_BYTES;
    pieces.push(decoder.decode(bytes.subarray(start, end), { stream: end < bytes.length }));
    await nextTurn();
  }
  return pieces.join('');
}

async function copyOf(bytes: Uint8Array): Promise<ArrayBuffer> {
  const copy = new Uint8Array(bytes.length);
  for (let start = 0; start < bytes.length; start += COPIED_BYTES) {
    copy.set(bytes.subarray(start, start + COPIED_BYTES), start);
    await nextTurn();
  }
  return copy.buffer;
}

async function readInThread(
  task: WorkerTask,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<ExtractedText> {
  const { limits, labels } = task;
  const worker = new Worker(PROGRAM, {
    workerData: task,
    transferList: [task.bytes],
    // No secrets, no debugger, no files to wait for.
    env: {},
    argv: [],
    execArgv: IS_SOURCE ? COMPILER : [],
    stdout: true,
    stderr: true,
    name: 'extraction',
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMegabytes },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  const cleanUps: (() => void)[] = [];
  try {
    const answer = await new Promise<WorkerAnswer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', error => reject(crashed(error)));
      worker.once('exit', code => reject(crashed(new Error(`It ended with exit code ${code}.`))));
      const timer = setTimeout(() => reject(timedOut(limits)), limits.milliseconds);
      const stopMemoryCheck = watchMemory(worker, limits.memoryMegabytes, reject);
      const onAbort = (): void => reject(signal!.reason as Error);
      signal?.addEventListener('abort', onAbort);
      cleanUps.push(
        () => clearTimeout(timer),
        stopMemoryCheck,
        () => signal?.removeEventListener('abort', onAbort),
      );
    });
    if (answer.kind === 'text') return { text: await decode(answer.bytes), ...answer.about };
    throw new ExtractionError(answer.code, answer.message, { cause: answer.cause });
  } catch (error) {
    if (error instanceof ExtractionError)
      log.info({ code: error.code, cause: error.cause, ...labels }, 'A file was not read.');
    throw error;
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
    await worker.terminate();
  }
}

/**
 * The heap has a limit of its own; buffers that a file inflates into have none. Gives a function
 * that ends it.
 */
function watchMemory(
  worker: Worker,
  megabytes: number,
  refuse: (error: ExtractionError) => void,
): () => void {
  const check = async (): Promise<void> => {
    const heap = await worker.getHeapStatistics();
    if (heap.total_heap_size + heap.external_memory > megabytes * MEGABYTE)
      refuse(tooMuchMemory(megabytes));
  };
  // It rejects when the thread has ended.
  const timer = setInterval(() => void check().catch(() => undefined), MEMORY_CHECK_MS);
  return () => clearInterval(timer);
}

function tooMuchMemory(megabytes: number): ExtractionError {
  return new ExtractionError(
    'TOO_LARGE',
    `Reading the file takes more than ${megabytes} MB of memory. Send it in parts.`,
  );
}

function timedOut({ milliseconds }: ExtractionLimits): ExtractionError {
  return new ExtractionError(
    'TIMEOUT',
    `Reading the file takes more than ${milliseconds / 1_000} seconds. Send it in parts.`,
  );
}

function crashed(cause: Error): ExtractionError {
  return new ExtractionError(
    'WORKER_CRASHED',
    'The thread that read the file has ended unexpectedly. Try again.',
    { cause },
  );
}
