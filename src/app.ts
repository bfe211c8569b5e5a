// oxlint-disable max-lines -- the parts of a gateway are put together in one place
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { LRUCache } from 'lru-cache';
import { apiKeyStrategy, type LastPrincipals } from './api-keys/api-key-strategy.js';
import { KeyUsage } from './api-keys/key-usage.js';
import { LegacyKeys } from './api-keys/legacy-keys.js';
import { authenticator } from './auth/authenticate.js';
import { requestCaller } from './auth/caller.js';
import { operatorStrategy } from './auth/operator-strategy.js';
import type { Principal } from './auth/principal.js';
import { ComputeScheduler } from './base/compute-scheduler.js';
import type { Config } from './config.js';
import type { Limits } from './config/limits.js';
import type { Quotas } from './config/quotas.js';
import type { Database } from './db/database.js';
import {
  NOBODY_SCOPE,
  OPERATOR_SCOPE,
  tenantScope,
  type DatabaseScope,
  type OperationBounds,
} from './db/database-scope.js';
import { ReadModels } from './db/read-model.js';
import { createEmbedder } from './embedders/create-embedder.js';
import type { Embedder } from './embedders/embedder.js';
import { withMetrics } from './embedders/with-metrics.js';
import { apolloPlugin } from './graphql/apollo-plugin.js';
import type { RequestContext } from './graphql/context.js';
import { queuedEmbed } from './graphql/queued-embed.js';
import { Pauses } from './graphql/execution/pauses.js';
import { formatError } from './graphql/format-error.js';
import { ByteBudget } from './graphql/limits/byte-budget.js';
import {
  OperationSlots,
  OperationSlot,
  type OperationCaller,
} from './graphql/limits/operation-slots.js';
import { RowBudget } from './graphql/limits/row-budget.js';
import { Operations } from './graphql/operation/operations.js';
import { TrustedDocuments } from './graphql/trusted-documents/trusted-documents.js';
import { keepResult } from './http/apollo-result.js';
import { callerFinder, type HttpCaller } from './http/caller.js';
import { registerCompression } from './http/compression.js';
import { allowOrigins } from './http/cors.js';
import { GRAPHQL_PATH, registerGraphqlEndpoint } from './http/graphql-endpoint.js';
import { registerHealth } from './http/health.js';
import { createHttpServer } from './http/http-server.js';
import { acceptOnlyJson } from './http/json-body.js';
import { registerMetrics } from './http/metrics.js';
import { serverUrl } from './http/server-url.js';
import { operationSignal } from './http/operation-signal.js';
import { takeParametersText } from './http/parameters-text.js';
import { limitBody } from './http/request-body.js';
import { NOT_SIMPLE_HEADERS } from './http/request-headers.js';
import { IngestionEvents } from './ingestion/ingestion-events.js';
import { ingestionMetrics } from './ingestion/ingestion-metrics.js';
import { startWorker } from './ingestion/start-worker.js';
import { createMetrics } from './observability/metrics.js';
import { playgroundRoutes } from './playground/playground.js';
import { networkOf } from './rate-limits/network-of.js';
import { withRateLimit } from './rate-limits/with-rate-limit.js';
import { RateLimiter } from './rate-limits/rate-limiter.js';
import { buildGatewaySchema } from './schema.js';
import { RecallSampler } from './search/recall-sampler.js';
import { SearchCount } from './search/search-count.js';
import { searchServices, type SearchServices } from './search/search-services.js';
import { ExpiredUploads } from './uploads/expired-uploads.js';
import { registerUploads } from './uploads/register-uploads.js';
import type { UploadSettings } from './uploads/upload-db.js';
import { userStrategy } from './users/user-strategy.js';

export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /**
   * Takes no new requests, finishes those in flight, and stops. The database stays open: it is the
   * caller's.
   */
  close(): Promise<void>;
}

export interface GatewayParts {
  readonly config: Config;
  /** Open, migrated, and with a login that may take Weaver's roles. */
  readonly database: Database;
  readonly log: Logger;
  /** Filled into the Playground for every visitor. */
  readonly demoKey?: string | undefined;
}

/** The composition root: puts the parts together and listens. */
export async function startGateway({
  config,
  database,
  log,
  demoKey,
}: GatewayParts): Promise<Gateway> {
  const schema = buildGatewaySchema();
  const trusted = TrustedDocuments.read(config.trustedDocuments, schema);
  const { openIntrospection } = config.http;
  const settings = { schema, limits: config.limits, openIntrospection };
  const operations = new Operations(settings, trusted.documents);
  const app = createHttpServer(log, config);
  await registerCompression(app);
  const apollo = new ApolloServer<RequestContext>({
    schema,
    formatError,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    documentStore: null,
    csrfPrevention: { requestHeaders: [...NOT_SIMPLE_HEADERS] },
    parseOptions: { maxTokens: config.limits.tokens },
    logger: log,
    stringifyResult: keepResult,
    stopOnTerminationSignals: false,
    plugins: [
      apolloPlugin(operations),
      // Apollo would follow every field for hints that no field gives.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginDrainHttpServer({ httpServer: app.server }),
    ],
  });
  await apollo.start();

  const usage = new KeyUsage(database, log);
  const authenticate = authenticator([
    ...(config.operatorToken === undefined ? [] : [operatorStrategy(config.operatorToken)]),
    apiKeyStrategy(new LegacyKeys(database, log), usage, lastPrincipals(database)),
    ...(config.userTokens === undefined ? [] : [userStrategy(config.userTokens, log)]),
  ]);
  const limiter = new RateLimiter(database);
  const admit = withRateLimit(authenticate, limiter, config.limits.rates);
  const metrics = config.metricsToken === undefined ? undefined : createMetrics();
  const sampler =
    metrics && config.search.recallSample > 0
      ? new RecallSampler(database, config.search.recallSample, log, metrics)
      : undefined;
  const services: Services = {
    database,
    limits: config.limits,
    models: new ReadModels(database.orm),
    rows: new RowBudget(config.limits.rows, config.limits.rowsInFlight),
    bytes: new ByteBudget(config.limits.responseBytes, config.limits.responseBytesInFlight),
    slots: new OperationSlots(config.limits.concurrentOperations, config.limits.queuedOperations),
    computing: new ComputeScheduler(),
    chunkSize: config.chunkSize,
    quotas: config.quotas,
    embedder: metrics
      ? withMetrics(createEmbedder(config.embedder, log), metrics)
      : createEmbedder(config.embedder, log),
    embedSlots: new OperationSlots(
      config.embedder.provider === 'openai' ? config.embedder.concurrency : Infinity,
      Infinity,
    ),
    search: searchServices(metrics, sampler),
    ingestionEvents: new IngestionEvents(),
    uploads: { ...config.uploads, publicUrl: config.http.publicUrl },
  };
  const filesMetrics = metrics && ingestionMetrics(database, metrics);
  const findCaller = callerFinder(database, admit, config.limits);
  // In a scope of its own, since the rules for other origins are those of GraphQL alone.
  await app.register(async graphql => {
    acceptOnlyJson(graphql);
    await allowOrigins(graphql, config.http.corsOrigins, { methods: ['GET', 'HEAD', 'POST'] });
    graphql.decorateRequest('caller', undefined);
    registerGraphqlEndpoint(graphql, {
      apollo,
      operations,
      trusted,
      findCaller,
      contextOf: (request, reply, caller) => contextOf(request, reply, caller, services),
      preParsing: limitBody(config.limits, findCaller),
    });
  });
  await registerUploads(app, database, limiter, config);
  registerHealth(app, () => database.ping());
  if (metrics) registerMetrics(app, metrics, config.metricsToken!);
  await app.register(playgroundRoutes, {
    endpoint: GRAPHQL_PATH,
    ...(demoKey !== undefined && { demoKey }),
  });

  await app.listen({ host: config.http.host, port: config.http.port });
  const { embedder, ingestionEvents: events } = services;
  const worker = config.ingestion.inline
    ? startWorker(config, { database, embedder, events, log, metrics: filesMetrics })
    : undefined;
  const expiredUploads = new ExpiredUploads(database, log);
  return {
    url: serverUrl(app),
    async close() {
      await Promise.all([worker?.close(), apollo.stop()]);
      await app.close();
      await usage.close();
      await expiredUploads.close();
      await services.search.sampler?.close();
    },
  };
}

/** Keys whose last principals are remembered. */
const MAX_LAST_PRINCIPALS = 10_000;

function lastPrincipals({ pipelinesReads }: Database): LastPrincipals | undefined {
  return pipelinesReads ? new LRUCache({ max: MAX_LAST_PRINCIPALS }) : undefined;
}

interface Services {
  readonly database: Database;
  readonly limits: Limits;
  readonly models: ReadModels;
  readonly rows: RowBudget;
  readonly bytes: ByteBudget;
  readonly slots: OperationSlots;
  readonly computing: ComputeScheduler;
  readonly chunkSize: number;
  readonly quotas: Quotas;
  readonly embedder: Embedder;
  /**
   * Limits concurrent calls of a remote embedder. Any number may wait: they belong to operations,
   * whose number is limited.
   */
  readonly embedSlots: OperationSlots;
  readonly search: SearchServices;
  readonly ingestionEvents: IngestionEvents;
  readonly uploads: UploadSettings;
}

function contextOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { principal, lookUp, confirmed }: HttpCaller,
  services: Services,
): RequestContext {
  const { database, limits, models, slots, computing, embedder, embedSlots } = services;
  const signal = operationSignal(reply, limits.operationMs);
  const scope = scopeOf(principal);
  const caller = callerOf(principal, request.ip);
  const slot = new OperationSlot(slots, caller, signal);
  const pause = computing.pauseFor(caller.tenant, signal);
  const rows = services.rows.operation();
  const bytes = services.bytes.operation(caller.tenant);
  const bounds: OperationBounds = {
    statementMs: limits.operationMs,
    lockMs: limits.lockMs,
    signal,
    untilReady: () => slot.untilReacquired(),
    onReceived: count => bytes.read(count),
    confirmed,
    pause,
  };
  reply.raw.once('close', () => {
    rows.release();
    bytes.release();
  });
  const loaders = new Map<unknown, unknown>();
  const reads = lookUp.continueAs(scope, bounds);
  const { tenantId } = reads;
  const embed = queuedEmbed(embedder, {
    slots: embedSlots,
    caller,
    operationSlot: slot,
    signal,
    pause,
  });
  return {
    requestId: request.id,
    principal,
    caller: requestCaller({ principal, tenantId, requestId: request.id, signal }),
    onlyQueries: request.method !== 'POST',
    requestErrorStatus: request.responseFormat!.requestErrorStatus,
    takeParametersText: () => takeParametersText(request),
    reads,
    write: (name, work) => database.write(name, scope, work, bounds).finally(() => loaders.clear()),
    loaders,
    lists: new Map(),
    search: services.search,
    ingestionEvents: services.ingestionEvents,
    uploads: services.uploads,
    searchCount: new SearchCount(),
    rows,
    bytes,
    models,
    embedder,
    // Not for a caller who may turn out to be nobody.
    embed: confirmed ? (texts, inputType) => confirmed.then(() => embed(texts, inputType)) : embed,
    chunkSize: services.chunkSize,
    quotas: services.quotas,
    pause,
    pauses: new Pauses(pause),
    log: request.log as Logger,
    slot,
    signal,
  };
}

function scopeOf(principal: Principal): DatabaseScope {
  switch (principal.kind) {
    case 'apiKey':
    case 'user':
      return tenantScope(principal.tenantId);
    case 'operator':
      return OPERATOR_SCOPE;
    case 'nobody':
      // Not used: operations without a principal are refused before they run.
      return NOBODY_SCOPE;
  }
}

/** The names by which operations of different callers take turns. */
function callerOf(principal: Principal, address: string): OperationCaller {
  switch (principal.kind) {
    case 'apiKey':
      return { name: principal.keyId, tenant: principal.tenantId };
    case 'user':
      return { name: principal.userId, tenant: principal.tenantId };
    case 'operator':
      return { name: principal.kind, tenant: principal.kind };
    case 'nobody':
      return { name: networkOf(address), tenant: networkOf(address) };
  }
}
