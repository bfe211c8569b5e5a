import 'reflect-metadata';
import { startGateway } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { Database } from '../../src/db/database.js';
import { OPERATOR_SCOPE } from '../../src/db/database-scope.js';
import { ENTITIES } from '../../src/entities.js';
import { createLogger } from '../../src/observability/logger.js';
import { withClient } from '../shared/database.js';
import { explainStatements } from '../shared/explain.js';
import type { HttpRequest } from '../shared/http-request.js';
import { sentStatements } from '../shared/sent-statements.js';

/**
 * A statement of a request: how many of PostgreSQL's pages it touches, in memory or not, and by
 * which indexes it finds its rows.
 */
export interface StatementPages {
  readonly name: string;
  readonly pages: number;
  readonly indexes: readonly string[];
}

/**
 * The statements of each request, the look-up of the key among them, as a gateway in this process
 * sends them to this database.
 */
export async function pagesOfStatements(
  gatewayUrl: string,
  requests: readonly HttpRequest[],
): Promise<StatementPages[][]> {
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: gatewayUrl,
    LOG_LEVEL: 'silent',
  });
  const database = await Database.open(config.database, ENTITIES);
  const gateway = await startGateway({ config, database, log: createLogger('silent') });
  try {
    const found: StatementPages[][] = [];
    for (const { path, headers, body } of requests) {
      const { statements } = await sentStatements(database, async () =>
        (await fetch(gateway.url + path, { method: 'POST', headers, body })).text(),
      );
      // The look-up of the key begins as the operator and goes on as the tenant.
      const measure = (): ReturnType<typeof explainStatements> =>
        withClient(gatewayUrl, client =>
          explainStatements(client, OPERATOR_SCOPE, statements, 'measured'),
        );
      // The first time finds pages to tidy up.
      await measure();
      const explained = await measure();
      found.push(
        statements.map(({ statement: { name } }, index) => ({
          name,
          pages: explained[index]!.buffers,
          indexes: indexesIn(explained[index]!.text),
        })),
      );
    }
    return found;
  } finally {
    await gateway.close();
    await database.close();
  }
}

function indexesIn(plan: string): string[] {
  return [...new Set(Array.from(plan.matchAll(/"Index Name":"(\w+)"/g), match => match[1]!))];
}
