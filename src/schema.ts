import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync, type NonEmptyArray } from 'type-graphql';
import { BotStatsResolver, TenantStatsResolver } from './analytics/stats.resolver.js';
import { ApiKeyMutationsResolver } from './api-keys/api-key-mutations.resolver.js';
import { ApiKeyResolver } from './api-keys/api-key.resolver.js';
import { TenantApiKeysResolver } from './api-keys/tenant-api-keys.resolver.js';
import { AuditLogResolver } from './audit/audit-log.resolver.js';
import { ApiKeyBotQueriesResolver } from './bot-queries/api-key-bot-queries.resolver.js';
import { BotBotQueriesResolver } from './bot-queries/bot-bot-queries.resolver.js';
import { BotQueryMutationsResolver } from './bot-queries/bot-query-mutations.resolver.js';
import { BotQueryResolver } from './bot-queries/bot-query.resolver.js';
import { TenantBotQueriesResolver } from './bot-queries/tenant-bot-queries.resolver.js';
import { BotMutationsResolver } from './bots/bot-mutations.resolver.js';
import { BotResolver } from './bots/bot.resolver.js';
import { CreatedTenantBotResolver } from './bots/created-tenant-bot.resolver.js';
import { TenantBotsResolver } from './bots/tenant-bots.resolver.js';
import { ChunkMutationsResolver } from './chunks/chunk-mutations.resolver.js';
import { ChunkNeighborsResolver } from './chunks/chunk-neighbors.resolver.js';
import { ChunkResolver } from './chunks/chunk.resolver.js';
import { DocumentChunksResolver } from './chunks/document-chunks.resolver.js';
import { BotDocumentsResolver } from './documents/bot-documents.resolver.js';
import { DocumentMutationsResolver } from './documents/document-mutations.resolver.js';
import { DocumentTextResolver } from './documents/document-text.resolver.js';
import { DocumentResolver } from './documents/document.resolver.js';
import { TenantDocumentsResolver } from './documents/tenant-documents.resolver.js';
import { NODES } from './entities.js';
import { resolveDirectly } from './graphql/direct-resolvers.js';
import { nodeResolver } from './graphql/node.resolver.js';
import { DocumentIngestionsResolver } from './ingestion/document-ingestions.resolver.js';
import { IngestionMutationsResolver } from './ingestion/ingestion-mutations.resolver.js';
import { IngestionResolver } from './ingestion/ingestion.resolver.js';
import { TenantIngestionsResolver } from './ingestion/tenant-ingestions.resolver.js';
import { ChunkSimilarResolver } from './search/chunk-similar.resolver.js';
import {
  PassageDocumentResolver,
  SearchPassagesResolver,
} from './search/search-passages.resolver.js';
import { SearchResolver } from './search/search.resolver.js';
import { TenantAuditLogResolver } from './tenants/tenant-audit-log.resolver.js';
import { TenantMutationsResolver } from './tenants/tenant-mutations.resolver.js';
import { TenantResolver } from './tenants/tenant.resolver.js';
import { TenantUploadsResolver } from './uploads/tenant-uploads.resolver.js';
import { UploadMutationsResolver } from './uploads/upload-mutations.resolver.js';
import { UploadResolver } from './uploads/upload.resolver.js';
import { TenantUsersResolver } from './users/tenant-users.resolver.js';
import { UserMutationsResolver } from './users/user-mutations.resolver.js';
import { UserResolver } from './users/user.resolver.js';
import { ViewerResolver } from './viewer/viewer.resolver.js';

/** All resolver classes. Only this file and `entities.ts` name every feature. */
const RESOLVERS: NonEmptyArray<Function> = [
  ViewerResolver,
  nodeResolver(NODES),
  TenantResolver,
  AuditLogResolver,
  TenantAuditLogResolver,
  TenantMutationsResolver,
  TenantUsersResolver,
  UserResolver,
  UserMutationsResolver,
  TenantApiKeysResolver,
  ApiKeyResolver,
  ApiKeyMutationsResolver,
  TenantBotsResolver,
  BotResolver,
  BotMutationsResolver,
  CreatedTenantBotResolver,
  TenantDocumentsResolver,
  BotDocumentsResolver,
  DocumentResolver,
  DocumentTextResolver,
  DocumentMutationsResolver,
  TenantUploadsResolver,
  UploadResolver,
  UploadMutationsResolver,
  DocumentChunksResolver,
  ChunkResolver,
  ChunkMutationsResolver,
  ChunkNeighborsResolver,
  TenantIngestionsResolver,
  DocumentIngestionsResolver,
  IngestionResolver,
  IngestionMutationsResolver,
  SearchResolver,
  SearchPassagesResolver,
  PassageDocumentResolver,
  ChunkSimilarResolver,
  TenantBotQueriesResolver,
  BotBotQueriesResolver,
  ApiKeyBotQueriesResolver,
  BotQueryResolver,
  BotQueryMutationsResolver,
  TenantStatsResolver,
  BotStatsResolver,
];

/**
 * The executable schema. Arguments are checked by the fields that take them, which know the limits
 * to name.
 */
export function buildGatewaySchema(): GraphQLSchema {
  const schema = resolveDirectly(
    buildSchemaSync({ resolvers: RESOLVERS, validate: false }),
    RESOLVERS,
  );
  // Made of many classes, they have none that could say this.
  schema.getQueryType()!.description =
    'All queries. Objects of other tenants are null, like objects that do not exist.';
  schema.getMutationType()!.description =
    'All mutations. A mutation happens completely or not at all. Several mutations in ' +
    'one operation run one after the other and independently.';
  return schema;
}
