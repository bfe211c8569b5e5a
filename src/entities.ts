import { ApiKey } from './api-keys/api-key.entity.js';
import { AuditEvent } from './audit/audit-event.entity.js';
import { BotQuery } from './bot-queries/bot-query.entity.js';
import { Bot } from './bots/bot.entity.js';
import { DocumentChunk } from './chunks/chunk.entity.js';
import { DocumentText } from './documents/document-text.entity.js';
import { Document } from './documents/document.entity.js';
import { IngestionChunk } from './ingestion/ingestion-chunk.entity.js';
import { Ingestion } from './ingestion/ingestion.entity.js';
import { IdempotencyKey } from './tenants/idempotency-key.entity.js';
import { Tenant } from './tenants/tenant.entity.js';
import { UploadPart } from './uploads/upload-part.entity.js';
import { Upload } from './uploads/upload.entity.js';
import { User } from './users/user.entity.js';

/** What the schema shows by ids alone: every one of them a `Node`. */
export const NODES = [
  Tenant,
  User,
  Bot,
  Document,
  DocumentChunk,
  ApiKey,
  BotQuery,
  Upload,
  Ingestion,
];

/** Every table of Weaver. */
export const ENTITIES = [
  ...NODES,
  DocumentText,
  UploadPart,
  IngestionChunk,
  AuditEvent,
  IdempotencyKey,
];
