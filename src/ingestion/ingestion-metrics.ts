import { Counter, Gauge, Histogram } from 'prom-client';
import type { Database } from '../db/database.js';
import { GATEWAY_SCOPE } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import type { Metrics } from '../observability/metrics.js';

const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900];

export interface IngestionMetrics {
  readonly steps: Histogram<'step'>;
  readonly failures: Counter<'code'>;
}

/** What `/metrics` tells of files: those that wait are counted in the database at each scrape. */
export function ingestionMetrics(database: Database, registry: Metrics): IngestionMetrics {
  let counted: Promise<Backlog> | undefined;
  // Both gauges are collected in one turn, by one statement.
  const backlog = (): Promise<Backlog> => {
    counted ??= readBacklog(database).finally(() => (counted = undefined));
    return counted;
  };
  const files = new Gauge({
    name: 'weaver_ingestion_backlog',
    help: 'Files that wait to be processed (queued) or are being processed (running).',
    labelNames: ['state'],
    registers: [],
    async collect() {
      const { queued, running } = await backlog();
      this.set({ state: 'queued' }, queued);
      this.set({ state: 'running' }, running);
    },
  });
  const oldest = new Gauge({
    name: 'weaver_ingestion_oldest_seconds',
    help: 'Age of the oldest file that waits or is being processed; 0 if there is none.',
    registers: [],
    async collect() {
      this.set((await backlog()).oldestSeconds);
    },
  });
  registry.registerMetric(files);
  registry.registerMetric(oldest);
  return {
    steps: new Histogram({
      name: 'weaver_ingestion_step_duration_seconds',
      help: 'How long the steps of files took that were not interrupted.',
      labelNames: ['step'],
      buckets: SECONDS,
      registers: [registry],
    }),
    failures: new Counter({
      name: 'weaver_ingestion_failures_total',
      help: 'Attempts that ended in an error, by its code; docs/ingestion.md explains each.',
      labelNames: ['code'],
      registers: [registry],
    }),
  };
}

interface Backlog {
  readonly queued: number;
  readonly running: number;
  readonly oldestSeconds: number;
}

async function readBacklog(database: Database): Promise<Backlog> {
  const [row] = await database.write('ingestionBacklog', GATEWAY_SCOPE, em =>
    runInWrite<Backlog>(
      em,
      `select count(*) filter (where state = 'queued')::int as queued,
              count(*) filter (where state = 'running')::int as running,
              coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "oldestSeconds"
         from ingestions where state in ('queued', 'running')`,
    ),
  );
  return row!;
}
