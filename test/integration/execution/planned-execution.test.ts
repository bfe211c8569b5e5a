import { SearchCount } from '../../../src/search/search-count.js';
import { searchServices } from '../../../src/search/search-services.js';
import { parse, validate, type ExecutionResult } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestCaller } from '../../../src/auth/caller.js';
import type { Principal } from '../../../src/auth/principal.js';
import { NO_QUOTAS } from '../../../src/config/quotas.js';
import { OPERATOR_SCOPE, tenantScope } from '../../../src/db/database-scope.js';
import { ReadModels } from '../../../src/db/read-model.js';
import { createEmbedder } from '../../../src/embedders/create-embedder.js';
import type { RequestContext } from '../../../src/graphql/context.js';
import { IngestionEvents } from '../../../src/ingestion/ingestion-events.js';
import { Pauses } from '../../../src/graphql/execution/pauses.js';
import { ByteBudget } from '../../../src/graphql/limits/byte-budget.js';
import { OperationSlots, OperationSlot } from '../../../src/graphql/limits/operation-slots.js';
import { RowBudget } from '../../../src/graphql/limits/row-budget.js';
import { formatError } from '../../../src/graphql/format-error.js';
import { createLogger } from '../../../src/observability/logger.js';
import { buildGatewaySchema } from '../../../src/schema.js';
import { ApolloPair, textOf } from '../../support/apollo-pair.js';
import { randomNumbers } from '../../support/clustered-vectors.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { explainedNulls } from '../../support/explained-nulls.js';
import { OperationWriter } from '../../support/operation-writer.js';
import { World, type TenantWorld } from '../../support/world.js';

const schema = buildGatewaySchema();
const apollo = new ApolloPair<RequestContext>(schema, { formatError });
const embedder = createEmbedder({ provider: 'hashing' });

let db: TestDatabase;
let tenant: TenantWorld;
let models: ReadModels;

beforeAll(async () => {
  await apollo.start();
  db = await openTestDatabase();
  models = new ReadModels(db.database.orm);
  const world = new World(db.database);
  for (const made of [await world.tenant(), (tenant = await world.tenant())]) {
    await made.key();
    await made.user();
    for (let bot = 0; bot < 2; bot += 1) {
      const madeBot = await made.bot({ name: `Bot ${bot}` });
      for (let document = 0; document < 3; document += 1) await (await madeBot.document()).texts(2);
      await madeBot.query();
    }
  }
});
afterAll(async () => {
  await apollo.stop();
  await db.close();
});

function contextOf(principal: Principal): RequestContext {
  const scope = 'tenantId' in principal ? tenantScope(principal.tenantId) : OPERATOR_SCOPE;
  const { signal } = new AbortController();
  const reads = db.database.reads(scope);
  return {
    requestId: 'test',
    principal,
    caller: requestCaller({ principal, tenantId: reads.tenantId, requestId: 'test', signal }),
    onlyQueries: false,
    requestErrorStatus: 400,
    takeParametersText: () => undefined,
    models,
    embedder,
    embed: texts => embedder.embed(texts),
    chunkSize: 1_000,
    ingestionEvents: new IngestionEvents(),
    quotas: NO_QUOTAS,
    pause: () => undefined,
    pauses: new Pauses(() => undefined),
    rows: new RowBudget(25_000, 25_000).operation(),
    bytes: new ByteBudget(33_554_432, 134_217_728).operation('test'),
    reads,
    write: (name, work) => db.database.write(name, scope, work),
    loaders: new Map(),
    lists: new Map(),
    search: searchServices(),
    uploads: { maxBytes: 1_000, lifetimeHours: 1, publicUrl: undefined },
    searchCount: new SearchCount(),
    log: createLogger('silent'),
    slot: new OperationSlot(new OperationSlots(1, 1), { name: 'test', tenant: 'test' }, signal),
    signal,
  };
}

/**
 * Sizes, ids and cursors, now and then impossible ones, so that some fields answer with errors and
 * null.
 */
function samples(next: () => number): ConstructorParameters<typeof OperationWriter>[2] {
  return {
    Int: ({ name }) => (name === 'first' || next() < 0.1 ? Math.floor(next() * 6) : undefined),
    ID: () => (next() < 0.8 ? tenant.id : '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10'),
    String: () => (next() < 0.1 ? 'not a cursor' : undefined),
  };
}

describe('an operation', () => {
  test.each(Array.from({ length: 6 }, (_, seed) => seed))(
    'is answered as by graphql-js (%i)',
    async seed => {
      const principal: Principal =
        seed % 2
          ? { kind: 'operator' }
          : {
              kind: 'apiKey',
              tenantId: tenant.id,
              keyId: tenant.id,
              scopes: new Set(),
              rateLimitRpm: 60,
            };
      const next = randomNumbers(seed);
      const writer = new OperationWriter(schema, next, samples(next));
      let answered = 0;
      for (let count = 0; count < 20; count += 1) {
        const operation = writer.write(5, {
          abstract: count % 3 === 0,
          introspection: count % 10 === 0,
        });
        if (validate(schema, parse(operation.query)).length > 0) continue;
        const [plain, planned] = [
          await textOf(apollo.plain, operation, contextOf(principal)),
          await textOf(apollo.planned, operation, contextOf(principal)),
        ];
        const [expected, answer] = [plain, planned].map(
          text => JSON.parse(text.slice(4)) as ExecutionResult,
        ) as [ExecutionResult, ExecutionResult];
        const failure =
          'seed ' +
          `${seed}\n${operation.query}\n${JSON.stringify(operation.variables)}\ngraphql-js: ` +
          `${plain}\nplanned: ${planned}`;
        // Of several errors, which comes first, and of several that make one null, which is told,
        // is up to the database.
        if ((expected.errors ?? []).length < 2) expect(planned === plain, failure).toBe(true);
        expect(JSON.stringify(answer.data), failure).toBe(JSON.stringify(expected.data));
        expect(explainedNulls(answer), failure).toEqual(explainedNulls(expected));
        if (
          Object.values(expected.data ?? {}).some(
            value => typeof value === 'object' && value !== null,
          )
        )
          answered += 1;
      }
      expect(answered, 'so many found something').toBeGreaterThan(3);
    },
  );
});
