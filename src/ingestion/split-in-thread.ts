import { Worker } from 'node:worker_threads';
import { splitChunks, type UnembeddedChunk } from '../chunking/prepare-chunks.js';

export interface TextToSplit {
  readonly text: string;
  readonly size: number;
}

/** From the sources, a thread needs what compiles them, which is there for development only. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const PROGRAM = new URL(`./chunk-worker.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url);
const COMPILER = ['--import', 'tsx'];

/** In code units: a shorter text takes some ten milliseconds, and a thread takes as long. */
const LONG_TEXT = 200_000;

/**
 * The chunks of a text, as `splitChunks` makes them. Of a long text in a thread of its own: the
 * longest take seconds, in which this one answers others.
 */
export async function splitInThread(
  text: string,
  size: number,
  signal: AbortSignal,
): Promise<UnembeddedChunk[]> {
  if (text.length <= LONG_TEXT) return splitChunks(text, size);
  const task: TextToSplit = { text, size };
  const worker = new Worker(PROGRAM, {
    workerData: task,
    env: {},
    argv: [],
    execArgv: IS_SOURCE ? COMPILER : [],
    name: 'chunking',
  });
  const chunks: UnembeddedChunk[] = [];
  const ended = Promise.withResolvers<void>();
  const onAbort = (): void => ended.reject(signal.reason as Error);
  worker.on('message', (batch: UnembeddedChunk[]) => {
    for (const chunk of batch) chunks.push(chunk);
  });
  worker.once('error', ended.reject);
  worker.once('exit', code =>
    code === 0
      ? ended.resolve()
      : ended.reject(new Error(`The thread that splits a text ended with ${code}.`)),
  );
  signal.addEventListener('abort', onAbort);
  try {
    await ended.promise;
    return chunks;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}
