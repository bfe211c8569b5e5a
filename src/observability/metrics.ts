import { collectDefaultMetrics, Registry } from 'prom-client';

/** What a gateway counts. A part that has something to tell registers it here, under a name that begins with `weaver_`: https://prometheus.io/docs/practices/naming/ */
export type Metrics = Registry;

/** Begins with what the process tells of itself: memory, CPU, garbage collection, the event loop. */
export function createMetrics(): Metrics {
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  return metrics;
}
