import cluster from 'node:cluster';
import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * The gateway's metrics. A module registers its own here, with names that begin with `weaver_`:
 * https://prometheus.io/docs/practices/naming/
 */
export type Metrics = Registry;

/**
 * Begins with what the process tells of itself: memory, CPU, garbage collection, the event loop.
 * Each of several processes answers for itself, and names itself in every series: no counter would
 * fall from one scrape to the next.
 */
export function createMetrics(): Metrics {
  const metrics = new Registry();
  if (cluster.worker) metrics.setDefaultLabels({ worker: String(cluster.worker.id) });
  collectDefaultMetrics({ register: metrics });
  return metrics;
}
