import { startGateway, type Gateway } from '../app.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { applyMigrations } from '../ops/migrations/run.js';
import { checkServer } from '../ops/server-checks.js';
import { demoTenantsMissing, isEmpty } from '../demo/seed-demo.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { createLogger } from '../observability/logger.js';
import { checkEmbedder } from '../ops/search/check-embedder.js';
import type { CommandIo } from './command-io.js';
import { fillWithDemo } from './demo.js';
import { readDemoKey } from './demo-key.js';
import { openDatabase, withDatabase } from './open-database.js';
import { listeningError } from './listening-error.js';
import { CLOSE_MS, DRAIN_MS, finishesWithin, listenForEnd } from './stop-request.js';
import { leave, reportReady, runWorkers, workerNumber } from './workers.js';

/**
 * Starts the gateway and serves until SIGINT or SIGTERM. The embedded database is made, migrated
 * and, when new, filled with demo data; a given one is only checked.
 */
export async function serve(config: Config, io: CommandIo): Promise<void> {
  const worker = workerNumber();
  if (config.workers > 1 && worker === undefined) return serveWithWorkers(config, io);
  const log =
    worker === undefined
      ? createLogger(config.logLevel)
      : createLogger(config.logLevel).child({ worker });
  const end = listenForEnd(log);
  let database: Database | undefined;
  let gateway: Gateway;
  const stopping = new AbortController();
  let embedderCheck: Promise<void> | undefined;
  try {
    database = await openDatabase(config);
    const demoKey =
      config.database.kind === 'embedded'
        ? await prepareEmbedded(database, config, config.database.dataDir, io)
        : undefined;
    // Of several processes the first has checked it for all.
    if (database.kind === 'postgres' && worker === undefined)
      for (const warning of await checkServer(database, config.production)) log.warn(warning);
    gateway = await startGateway({ config, database, log, demoKey });
    if (worker === undefined) io.outLines(welcome(gateway.url, config, demoKey));
    else reportReady(gateway.url);
    // Nobody waits for it: a service that is down now may be up for the first search.
    if (worker === undefined || worker === 1)
      embedderCheck = checkEmbedder(
        database,
        createEmbedder(config.embedder),
        log,
        stopping.signal,
      );
  } catch (error) {
    end.stopListening();
    await database?.close();
    throw listeningError(error, config) ?? error;
  }
  await end.requested;
  stopping.abort();
  const drained = await finishesWithin(DRAIN_MS, gateway.close(), log);
  if (embedderCheck) await finishesWithin(CLOSE_MS, embedderCheck, log);
  const closed = await finishesWithin(CLOSE_MS, database.close(), log);
  // What is still open would keep the process alive, and after a fault nobody knows what that is.
  if (!drained || !closed || end.hasFailed()) process.exit(end.hasFailed() ? 1 : 0);
  end.stopListening();
  leave();
}

/** Checks the database, then starts the processes that serve, and stops them all when told to. */
async function serveWithWorkers(config: Config, io: CommandIo): Promise<void> {
  const log = createLogger(config.logLevel);
  const end = listenForEnd(log);
  try {
    await withDatabase(config, 'serve', async database => {
      for (const warning of await checkServer(database, config.production)) log.warn(warning);
    });
    await runWorkers(config.workers, {
      stopRequested: end.requested,
      log,
      ready: url => io.outLines(welcome(url, config, undefined)),
    });
    if (end.hasFailed()) process.exit(1);
  } finally {
    end.stopListening();
  }
}

/**
 * Migrates the embedded database, fills a new one outside production, and gives the demo's API key,
 * which is kept beside it.
 */
async function prepareEmbedded(
  database: Database,
  config: Config,
  dataDir: string,
  io: CommandIo,
): Promise<string | undefined> {
  const applied = await applyMigrations(database);
  if (applied.length > 0)
    io.say(
      `Applied ${applied.length} migration${applied.length === 1 ? '' : 's'} to the ` +
        `embedded database in ${dataDir}.`,
    );
  if (config.production) return undefined;
  const key = readDemoKey(dataDir);
  // Without a key, some of the demo means that the first start was interrupted.
  if (
    (await isEmpty(database)) ||
    (key === undefined && (await demoTenantsMissing(database)) !== 'all')
  )
    return (await fillWithDemo(database, config, io)).apiKey;
  return key;
}

function welcome(url: string, config: Config, demoKey: string | undefined): string {
  const lines = [
    '',
    'Weaver is ready.',
    '',
    `  Playground   ${url}/playground`,
    `  GraphQL      ${url}/graphql`,
  ];
  if (demoKey) {
    lines.push(`  Demo key     ${demoKey}`);
    lines.push(
      '',
      'Try it:',
      '',
      `  curl ${url}/graphql -H 'content-type: application/json' -H 'authorization: ` +
        `Bearer ${demoKey}' \\`,
      `    -d '{"query":"{ searchChunks(input: { text: \\"can I return a tent that I ` +
        'used once\\", topK: 3 }) { hits { similarity chunk { text document { filename } } ' +
        `} } }"}'`,
    );
  }
  if (config.operatorToken === undefined)
    lines.push('', 'No operator: set WEAVER_OPERATOR_TOKEN to see all tenants over HTTP.');
  lines.push('');
  return lines.join('\n');
}
