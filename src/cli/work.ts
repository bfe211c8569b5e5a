import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { withMetrics } from '../embedders/with-metrics.js';
import { registerHealth } from '../http/health.js';
import { createHttpServer } from '../http/http-server.js';
import { registerMetrics } from '../http/metrics.js';
import { serverUrl } from '../http/server-url.js';
import { IngestionEvents } from '../ingestion/ingestion-events.js';
import { ingestionMetrics } from '../ingestion/ingestion-metrics.js';
import type { IngestionWorker } from '../ingestion/ingestion-worker.js';
import { startWorker } from '../ingestion/start-worker.js';
import { createLogger } from '../observability/logger.js';
import { createMetrics } from '../observability/metrics.js';
import { checkServer } from '../ops/server-checks.js';
import type { CommandIo } from './command-io.js';
import { listeningError } from './listening-error.js';
import { openDatabase } from './open-database.js';
import { CLOSE_MS, DRAIN_MS, finishesWithin, listenForEnd } from './stop-request.js';

/** `weaver work`: processes files until SIGINT or SIGTERM, and gives back what it has not done. */
export async function work(config: Config, io: CommandIo): Promise<void> {
  if (config.database.kind === 'embedded')
    throw new StartupError(
      '"weaver work" requires DATABASE_URL: the embedded database is opened by one process, and ' +
        '"weaver serve" processes the files there.',
    );
  const log = createLogger(config.logLevel);
  const end = listenForEnd(log);
  let database: Database | undefined;
  let app: FastifyInstance;
  let worker: IngestionWorker;
  try {
    database = await openDatabase(config);
    for (const warning of await checkServer(database, config.production)) log.warn(warning);
    ({ app, worker } = await startWork(config, database, log));
    io.out(`Weaver works on files. Its health is at ${serverUrl(app)}/health/ready.`);
  } catch (error) {
    end.stopListening();
    await database?.close();
    throw listeningError(error, config) ?? error;
  }
  await end.requested;
  const stopped = await finishesWithin(DRAIN_MS, worker.close(), log);
  const drained = await finishesWithin(DRAIN_MS, app.close(), log);
  const closed = await finishesWithin(CLOSE_MS, database.close(), log);
  if (!stopped || !drained || !closed || end.hasFailed()) process.exit(end.hasFailed() ? 1 : 0);
  end.stopListening();
}

async function startWork(
  config: Config,
  database: Database,
  log: Logger,
): Promise<{ app: FastifyInstance; worker: IngestionWorker }> {
  const app = createHttpServer(log, config);
  const metrics = config.metricsToken === undefined ? undefined : createMetrics();
  registerHealth(app, () => database.ping());
  if (metrics) registerMetrics(app, metrics, config.metricsToken!);
  const embedder = createEmbedder(config.embedder, log);
  await app.listen({ host: config.http.host, port: config.http.port });
  const worker = startWorker(config, {
    database,
    embedder: metrics ? withMetrics(embedder, metrics) : embedder,
    events: new IngestionEvents(),
    log,
    metrics: metrics && ingestionMetrics(database, metrics),
  });
  return { app, worker };
}
