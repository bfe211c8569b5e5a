import { Histogram } from 'prom-client';
import type { ReadModels } from '../db/read-model.js';
import type { Metrics } from '../observability/metrics.js';
import type { SearchMode, SearchPath } from './search.types.js';

/** From the fastest search to the longest that an operation may take by default. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type Times = Histogram<'mode' | 'path'>;

/** Of each gateway of this process, which has read models of its own. */
const timesOf = new WeakMap<ReadModels, Times>();

/**
 * From now on, `metrics` tells how many searches the gateway with these models has answered, along
 * which path and how fast.
 */
export function measureSearches(models: ReadModels, metrics: Metrics): void {
  const times = new Histogram({
    name: 'weaver_search_duration_seconds',
    help:
      'Searches that were answered, by mode and by the path that the answer came from. The ' +
      'embedding of the text is not counted.',
    labelNames: ['mode', 'path'],
    buckets: SECONDS,
    registers: [metrics],
  });
  timesOf.set(models, times);
}

export function noteSearch(
  models: ReadModels,
  mode: SearchMode,
  path: SearchPath,
  seconds: number,
): void {
  timesOf.get(models)?.observe({ mode, path }, seconds);
}
