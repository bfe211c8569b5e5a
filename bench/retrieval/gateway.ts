import { randomBytes } from 'node:crypto';
import { startGateway } from '../../src/app.js';
import { Database } from '../../src/db/database.js';
import { IN_MEMORY } from '../../src/db/open/database-options.js';
import { ENTITIES } from '../../src/entities.js';
import { createLogger } from '../../src/observability/logger.js';
import { applyMigrations } from '../../src/ops/migrations/run.js';
import { Client } from '../../test/support/client.js';
import { OPERATOR_TOKEN, testConfig } from '../../test/support/config.js';
import { postgresAt } from '../../test/support/postgres-at.js';
import { commentOf, makeLogin, migrate, urlOf, withClient } from '../shared/database.js';

const DATABASE = 'weaver_bench_retrieval';
const LOGIN = 'weaver_bench_retrieval_gateway';
const MARK = 'Made by the retrieval bench of Weaver';
const POOL_SIZE = 4;

export interface BenchGateway {
  readonly operator: Client;
  close(): Promise<void>;
}

/** A gateway in this process over an empty database: of a server, or else an embedded one. */
export async function openGateway(databaseUrl: string | undefined): Promise<BenchGateway> {
  const { database, remove } =
    databaseUrl === undefined ? await openEmbedded() : await openPostgres(databaseUrl);
  const gateway = await startGateway({
    config: testConfig(),
    database,
    log: createLogger('silent'),
  });
  return {
    operator: new Client(gateway.url, OPERATOR_TOKEN),
    async close() {
      await gateway.close();
      await database.close();
      await remove();
    },
  };
}

interface OpenDatabase {
  readonly database: Database;
  remove(): Promise<void>;
}

async function openEmbedded(): Promise<OpenDatabase> {
  const database = await Database.open({ kind: 'embedded', dataDir: IN_MEMORY }, ENTITIES);
  await applyMigrations(database);
  return { database, remove: async () => {} };
}

async function openPostgres(serverUrl: string): Promise<OpenDatabase> {
  const password = randomBytes(16).toString('hex');
  const remove = (): Promise<void> =>
    withClient(serverUrl, async admin => {
      await admin.query(`drop database if exists ${DATABASE} with (force)`);
      await admin.query(`drop role if exists ${LOGIN}`);
    });
  await withClient(serverUrl, async admin => {
    if ((await commentOf(admin, DATABASE, MARK)) !== undefined)
      await admin.query(`drop database ${DATABASE} with (force)`);
    await admin.query(`create database ${DATABASE}`);
    await admin.query(`comment on database ${DATABASE} is '${MARK}'`);
  });
  const adminUrl = urlOf(serverUrl, DATABASE);
  await migrate(adminUrl);
  await withClient(adminUrl, admin => makeLogin(admin, LOGIN, password));
  const url = urlOf(serverUrl, DATABASE, LOGIN, password);
  const config = postgresAt(url, { ownerUrl: adminUrl, poolSize: POOL_SIZE });
  return { database: await Database.open(config, ENTITIES), remove };
}
