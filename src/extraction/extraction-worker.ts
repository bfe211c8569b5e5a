// The program of a thread that reads one file, and ends. `text-extractor.ts` starts it.
import { parentPort, workerData } from 'node:worker_threads';
import { ExtractionError } from './extraction-error.js';
import { readFile } from './read-file.js';
import type { WorkerAnswer, WorkerTask } from './text-extractor.js';

// Nothing that a file names is fetched, whatever a library would do.
for (const name of ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest'])
  Reflect.deleteProperty(globalThis, name);

// A promise that a library forgets is no reason to end: what is awaited gives the answer.
process.on('unhandledRejection', () => undefined);

const { bytes, labels, limits } = workerData as WorkerTask;
const answer = await read();
parentPort!.postMessage(answer, answer.kind === 'text' ? [answer.bytes.buffer] : []);

async function read(): Promise<WorkerAnswer> {
  try {
    const { text, ...about } = await readFile(new Uint8Array(bytes), labels, limits);
    return { kind: 'text', bytes: new TextEncoder().encode(text), about };
  } catch (error) {
    if (!(error instanceof ExtractionError)) throw error;
    const cause = error.cause === undefined ? undefined : String((error.cause as Error).stack);
    return { kind: 'refusal', code: error.code, message: error.message, cause };
  }
}
