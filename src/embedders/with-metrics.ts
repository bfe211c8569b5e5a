import { Histogram } from 'prom-client';
import type { Metrics } from '../observability/metrics.js';
import type { Embedder } from './embedder.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * The embedder, whose calls `metrics` tells of: how many there were, how long they took, and
 * whether they failed.
 */
export function withMetrics(embedder: Embedder, metrics: Metrics): Embedder {
  const histogram = new Histogram({
    name: 'weaver_embedding_duration_seconds',
    help:
      'Calls of the embedder, with one or more texts each: made, failed, or ended because ' +
      "the caller was gone or the operation's time was over.",
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers: [metrics],
  });
  const { name, isRemote, model, dimensions, batchSize, vectorWeight } = embedder;
  return {
    name,
    isRemote,
    model,
    dimensions,
    batchSize,
    vectorWeight,
    async embed(texts, options) {
      const observe = histogram.startTimer();
      try {
        const vectors = await embedder.embed(texts, options);
        observe({ outcome: 'made' });
        return vectors;
      } catch (error) {
        observe({ outcome: options?.signal?.aborted ? 'ended' : 'failed' });
        throw error;
      }
    },
  };
}
