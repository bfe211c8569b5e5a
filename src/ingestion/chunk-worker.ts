// The program of a thread that splits one text, and ends. `split-in-thread.ts` starts it.
import { parentPort, workerData } from 'node:worker_threads';
import { splitChunks } from '../chunking/prepare-chunks.js';
import type { TextToSplit } from './split-in-thread.js';

/** Chunks of one message: whoever gets them does other things in between. */
const BATCH = 500;

const { text, size } = workerData as TextToSplit;
const chunks = splitChunks(text, size);
for (let start = 0; start < chunks.length; start += BATCH)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
  parentPort!.postMessage(chunks.slice(start, start + BATCH));
