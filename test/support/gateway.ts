import type { Logger } from 'pino';
import { startGateway as startApp } from '../../src/app.js';
import type { EmbedderConfig } from '../../src/config.js';
import { seedDemo } from '../../src/demo/seed-demo.js';
import { createEmbedder } from '../../src/embedders/create-embedder.js';
import { createLogger } from '../../src/observability/logger.js';
import { Client } from './client.js';
import { OPERATOR_TOKEN, testConfig, USER_SECRET } from './config.js';
import { openTestDatabase, type TestDatabase, type TestDatabaseOptions } from './database.js';
import { tokenFor } from './identity-provider.js';
import { World, type TenantWorld } from './world.js';

export { OPERATOR_TOKEN };

/** Whether a statement of this name looks up a key, alone or in one packet with an early read. */
export const isKeyLookUp = (name: string): boolean =>
  name === 'apiKeyByPrefix' || name === 'apiKeyBeforeReads';

export class UserClient extends Client {
  constructor(
    url: string,
    token: string,
    readonly id: string,
  ) {
    super(url, token);
  }
}

export interface TestGateway {
  readonly url: string;
  readonly db: TestDatabase;
  readonly world: World;
  readonly operator: Client;
  client(token?: string): Client;
  /** A new user of a tenant, signed in. */
  user(tenant: TenantWorld, role?: 'owner' | 'admin' | 'member'): Promise<UserClient>;
  /** Names of the read statements that `work` caused, in order, without the look-up of the key. */
  statements(work: () => Promise<unknown>): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * A gateway on a free port of this machine, over a new, empty database. `env` configures it as the
 * environment would.
 */
export async function startTestGateway(
  options: TestDatabaseOptions & {
    embedder?: EmbedderConfig;
    log?: Logger;
    env?: Record<string, string>;
  } = {},
): Promise<TestGateway> {
  const db = await openTestDatabase(options);
  const gateway = await startApp({
    config: { ...testConfig(options.env), ...(options.embedder && { embedder: options.embedder }) },
    database: db.database,
    log: options.log ?? createLogger('silent'),
  });
  const client = (token?: string): Client => new Client(gateway.url, token);
  return {
    url: gateway.url,
    db,
    world: new World(db.database),
    operator: client(OPERATOR_TOKEN),
    client,
    async user(tenant, role = 'owner') {
      const id = await tenant.user({ role });
      return new UserClient(
        gateway.url,
        await tokenFor({ secret: USER_SECRET, alg: 'HS256' }, { sub: id }),
        id,
      );
    },
    async statements(work) {
      const names: string[] = [];
      db.database.onStatement = ({ name }) =>
        void (isKeyLookUp(name) || name === 'profileById' || names.push(name));
      try {
        await work();
      } finally {
        db.database.onStatement = () => {};
      }
      return names;
    },
    async close() {
      await gateway.close();
      await db.close();
    },
  };
}

/** A gateway over the demo data, as `npm start` gives it. */
export async function startGateway(): Promise<{
  url: string;
  demoKey: string;
  close(): Promise<void>;
}> {
  const db = await openTestDatabase();
  const { apiKey } = await seedDemo(db.database, createEmbedder({ provider: 'hashing' }));
  const gateway = await startApp({
    config: testConfig(),
    database: db.database,
    log: createLogger('silent'),
    demoKey: apiKey,
  });
  return {
    url: gateway.url,
    demoKey: apiKey,
    async close() {
      await gateway.close();
      await db.close();
    },
  };
}
