import type { Logger } from 'pino';
import { startGateway, type Gateway } from '../app.js';
import { StartupError } from '../base/startup-error.js';
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
import { onFirstSignal } from './signals.js';
import { leave, onStop, reportReady, runWorkers, workerNumber } from './workers.js';

/**
 * How long requests in flight may take when the gateway is told to stop, and then the database to
 * close.
 */
const DRAIN_MS = 10_000;
const CLOSE_MS = 5_000;

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

/** Why the gateway cannot listen, with what to do; undefined for any other error. */
function listeningError(
  error: unknown,
  { http: { host, port } }: Config,
): StartupError | undefined {
  switch ((error as { code?: string }).code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} on ${host} is taken by another program. Stop that one, or set PORT ` +
          'to a free port.',
      );
    case 'EACCES':
      return new StartupError(
        `This user may not listen on port ${port} of ${host}. Set PORT to one from 1024 on.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartupError(
        `${host} is not an address of this machine. Set HOST to one, such as 127.0.0.1, ` +
          'or 0.0.0.0 for all.',
      );
    default:
      return undefined;
  }
}

interface StopRequest {
  /** When it is time to stop. */
  readonly requested: Promise<void>;
  /** Whether that is because something was thrown that nobody caught. */
  hasFailed(): boolean;
  stopListening(): void;
}

/**
 * Listens for the first SIGINT or SIGTERM, or the word of the process that started this one; a
 * later signal ends the process at once. The last resort as well: what is thrown, or rejected,
 * where nobody catches it leaves the process in a state that nobody knows. So it is logged and the
 * process ends, in order as far as that can be:
 * https://nodejs.org/api/process.html#warning-using-uncaughtexception-correctly
 */
function listenForEnd(log: Logger): StopRequest {
  const { promise, resolve } = Promise.withResolvers<void>();
  let hasFailed = false;
  const tell = (signal?: NodeJS.Signals): void => {
    log.info({ signal }, 'Stopping');
    resolve();
  };
  const fail = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    log.fatal({ err: error, origin }, 'Stopping because of an unexpected error');
    if (hasFailed) return;
    hasFailed = true;
    process.exitCode = 1;
    // If what is to be awaited now never comes.
    setTimeout(() => process.exit(1), DRAIN_MS + 2 * CLOSE_MS).unref();
    resolve();
  };
  const stopListeningToSignals = onFirstSignal(['SIGINT', 'SIGTERM'], tell);
  process.on('uncaughtException', fail);
  if (workerNumber() !== undefined) onStop(() => tell());
  return {
    requested: promise,
    hasFailed: () => hasFailed,
    stopListening: () => {
      stopListeningToSignals();
      process.off('uncaughtException', fail);
    },
  };
}

/**
 * Whether `work` is done within `ms`. That it failed is logged: whoever stops goes on with the
 * rest.
 */
async function finishesWithin(ms: number, work: Promise<void>, log: Logger): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<false>(resolve => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([work.then(() => true), timedOut]);
  } catch (error) {
    log.error({ err: error }, 'The gateway was not stopped cleanly');
    return false;
  } finally {
    clearTimeout(timer);
  }
}
