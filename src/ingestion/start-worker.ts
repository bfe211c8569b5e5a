import type { Config } from '../config.js';
import { textExtractor } from '../extraction/text-extractor.js';
import { IngestionWorker, type WorkerParts } from './ingestion-worker.js';

/** A worker as it is configured, in a gateway or in a process of its own. */
export function startWorker(
  { extraction, chunkSize, ingestion: { concurrency } }: Config,
  parts: Pick<WorkerParts, 'database' | 'embedder' | 'events' | 'log' | 'metrics'>,
): IngestionWorker {
  return new IngestionWorker({
    ...parts,
    extractText: textExtractor(extraction),
    chunkSize,
    concurrency,
  });
}
