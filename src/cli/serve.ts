import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { startGateway, type Gateway } from '../app.js';
import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { applyMigrations } from '../db/migrations.js';
import { checkServer } from '../db/server-checks.js';
import { isEmpty, seedDemo } from '../demo/seed-demo.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { createLogger } from '../observability/logger.js';
import { openDatabase } from './open-database.js';

/** How long requests in flight may take when the gateway is told to stop. */
const DRAIN_MS = 10_000;

/**
 * Starts the gateway and serves until SIGINT or SIGTERM. The embedded database is made, migrated and, when new, filled with demo data;
 * a given one is only checked.
 */
export async function serve(config: Config, print: (line: string) => void): Promise<void> {
  const log = createLogger(config.logLevel);
  const database = await openDatabase(config);
  let gateway: Gateway;
  try {
    const demoKey = config.database.kind === 'embedded' ? await prepareEmbedded(database, config, config.database.dataDir, print) : undefined;
    if (database.kind === 'postgres') for (const warning of await checkServer(database, config.production)) log.warn(warning);
    gateway = await startGateway({ config, database, log, demoKey: config.production ? undefined : demoKey });
    print(welcome(gateway.url, config, demoKey));
  } catch (error) {
    await database.close();
    throw isAddressInUse(error) ? new StartupError(`Port ${config.http.port} on ${config.http.host} is taken by another program. Stop that one, or set PORT to a free port.`) : error;
  }
  await untilTold(log);
  await Promise.race([gateway.close(), new Promise(resolve => setTimeout(resolve, DRAIN_MS).unref())]);
  await database.close();
}

/** Migrates the embedded database, fills a new one, and gives the demo's API key, which is kept beside it. */
async function prepareEmbedded(database: Database, config: Config, dataDir: string, print: (line: string) => void): Promise<string | undefined> {
  const keyFile = join(dataDir, 'demo-api-key');
  const applied = await applyMigrations(database);
  if (applied.length > 0) print(`Applied ${applied.length} migration${applied.length === 1 ? '' : 's'} to the embedded database in ${dataDir}.`);
  if (await isEmpty(database)) {
    print('Filling it with demo data ...');
    const { apiKey } = await seedDemo(database, createEmbedder(config.embedder), line => print(`  ${line}`));
    writeFileSync(keyFile, `${apiKey}\n`, { mode: 0o600 });
  }
  return existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : undefined;
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
      `  curl ${url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${demoKey}' \\`,
      `    -d '{"query":"{ searchChunks(input: { text: \\"how do I return a tent\\", topK: 3 }) { hits { similarity chunk { text document { filename } } } } }"}'`,
    );
  }
  if (config.operatorToken === undefined) lines.push('', 'No operator: set WEAVER_OPERATOR_TOKEN to see all tenants over HTTP.');
  lines.push('');
  return lines.join('\n');
}

function isAddressInUse(error: unknown): boolean {
  return (error as { code?: string }).code === 'EADDRINUSE';
}

function untilTold(log: Logger): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        log.info({ signal }, 'Stopping');
        resolve();
      });
    }
  });
}
