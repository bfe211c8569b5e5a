import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { basename } from 'node:path';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { newKey } from '../api-keys/key-format.js';
import type { ApiKeyScope, UserRole } from '../auth/principal.js';
import { BotQuery, type Confidence } from '../bot-queries/bot-query.entity.js';
import { Bot } from '../bots/bot.entity.js';
import { splitText } from '../chunks/split-text.js';
import { storeChunks } from '../chunks/store-chunks.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { Document, type DocumentStatus } from '../documents/document.entity.js';
import type { Embedder } from '../embedders/embedder.js';
import { padVector } from '../embedders/pad-vector.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from '../users/user.entity.js';
import {
  demoId,
  readDemoTenants,
  readDemoText,
  type DemoBot,
  type DemoDocument,
  type DemoTenant,
} from './demo-content.js';

/** Characters on a page of a demo document that has pages. */
const PAGE_LENGTH = 2_400;
const DAY_MS = 86_400_000;
/**
 * Requests a minute of the key that is shown to whoever tries Weaver out: more than a person makes.
 */
const SHOWN_KEY_RATE_LIMIT = 100_000;

export interface DemoSummary {
  /** Secret of the first key of the first tenant; shown once, here. */
  readonly apiKey: string;
  readonly tenantName: string;
  readonly tenants: number;
  readonly documents: number;
  readonly chunks: number;
}

/** Whether the database holds no tenant yet. */
export async function isEmpty(database: Database): Promise<boolean> {
  return database.write('isEmpty', OPERATOR_SCOPE, async em => (await em.count(Tenant)) === 0);
}

/** Whether none, some or all of the demo tenants are missing. */
export async function demoTenantsMissing(database: Database): Promise<'none' | 'some' | 'all'> {
  const ids = readDemoTenants().map(tenant => demoId(tenant.slug));
  const there = await database.write('demoTenantsMissing', OPERATOR_SCOPE, async em =>
    em.count(Tenant, { id: { $in: ids } }),
  );
  return there === 0 ? 'all' : there < ids.length ? 'some' : 'none';
}

/**
 * Fills a migrated database with the demo tenants, each in one transaction, split and embedded as
 * documents of users would be. A tenant that is there already is left alone, with a new key for
 * whoever asked: running it again is harmless.
 */
export async function seedDemo(
  database: Database,
  embedder: Embedder,
  progress: (line: string) => void = () => {},
): Promise<DemoSummary> {
  const tenants = readDemoTenants();
  let documents = 0;
  let chunks = 0;
  for (const tenant of tenants) {
    const prepared = await prepare(tenant, embedder);
    const made = await database.write('seedDemo', OPERATOR_SCOPE, async em => {
      if (await em.findOne(Tenant, demoId(tenant.slug))) return false;
      await storeTenant(em, tenant, prepared);
      return true;
    });
    const chunkCount = prepared.reduce((sum, document) => sum + document.pieces.length, 0);
    documents += prepared.length;
    chunks += chunkCount;
    const counts = `${tenant.bots.length} bots, ${prepared.length} documents, ${chunkCount} chunks`;
    progress(`${tenant.name}: ${made ? counts : 'there already'}`);
  }
  const [shown] = tenants;
  const apiKey = await addShownKey(database, shown!);
  return { apiKey, tenantName: shown!.name, tenants: tenants.length, documents, chunks };
}

interface PreparedDocument {
  readonly bot: DemoBot;
  readonly document: DemoDocument;
  readonly text: string;
  readonly pieces: readonly {
    readonly text: string;
    readonly start: number;
    readonly embedding: number[];
  }[];
}

async function prepare(tenant: DemoTenant, embedder: Embedder): Promise<PreparedDocument[]> {
  const documents = tenant.bots.flatMap(bot => bot.documents.map(document => ({ bot, document })));
  return Promise.all(
    documents.map(async ({ bot, document }) => {
      const text = document.file === null ? '' : readDemoText(tenant, document);
      const pieces = splitText(text);
      const embeddings = await embedder.embed(pieces.map(piece => piece.text));
      return {
        bot,
        document,
        text,
        pieces: pieces.map((piece, index) => ({
          ...piece,
          embedding: padVector(embeddings[index]!),
        })),
      };
    }),
  );
}

// A composite foreign key is written from the entity that it points to, so whatever is referred to
// is passed as a loaded entity.
async function storeTenant(
  em: SqlEntityManager,
  demo: DemoTenant,
  documents: readonly PreparedDocument[],
): Promise<void> {
  const tenant = em.create(Tenant, {
    id: demoId(demo.slug),
    name: demo.name,
    planTier: demo.planTier,
    createdAt: daysAgo(90),
  });
  await em.flush();
  for (const [index, user] of demo.users.entries()) {
    em.create(User, {
      id: demoId(demo.slug, user.email),
      tenant,
      email: user.email,
      role: user.role as UserRole,
      createdAt: daysAgo(89 - index),
    });
  }
  const keys = new Map(demo.apiKeys.map(key => [key.name, storeKey(em, demo, tenant, key)]));
  const bots = await storeBots(em, demo, tenant);
  for (const [index, prepared] of documents.entries()) {
    await storeDocument(em, demo, bots.get(prepared.bot.slug)!, prepared, daysAgo(60 - index));
  }
  for (const bot of demo.bots) storeQueries(em, demo, bot, bots.get(bot.slug)!, keys);
  await em.flush();
}

function storeKey(
  em: SqlEntityManager,
  demo: DemoTenant,
  tenant: Tenant,
  key: DemoTenant['apiKeys'][number],
): ApiKey {
  const { prefix, hash } = newKey();
  return em.create(ApiKey, {
    id: demoId(demo.slug, 'key', key.name),
    tenant,
    name: key.name,
    prefix,
    keyHash: hash,
    scopes: key.scopes as ApiKeyScope[],
    rateLimitRpm: key.rateLimitRpm,
    revoked: key.revoked,
    expiresAt: key.expiresInDays === null ? null : daysAgo(-key.expiresInDays),
    lastUsedAt: key.revoked ? daysAgo(40) : daysAgo(1),
    createdAt: daysAgo(80),
  });
}

/**
 * The demo's bots by their slugs. The bot that the tenant was born with becomes the first of them.
 */
async function storeBots(
  em: SqlEntityManager,
  demo: DemoTenant,
  tenant: Tenant,
): Promise<Map<string, Bot>> {
  const [first, ...others] = demo.bots.map((bot, index) => ({
    id: demoId(demo.slug, bot.slug),
    name: bot.name,
    config: bot.config,
    createdAt: daysAgo(88 - index),
  }));
  await em.nativeUpdate(Bot, { tenant: tenant.id }, first!);
  for (const bot of others) em.create(Bot, { ...bot, tenant });
  await em.flush();
  const bots = await em.find(Bot, { tenant: tenant.id });
  return new Map(
    demo.bots.map(({ slug }) => [slug, bots.find(bot => bot.id === demoId(demo.slug, slug))!]),
  );
}

async function storeDocument(
  em: SqlEntityManager,
  demo: DemoTenant,
  bot: Bot,
  { document, text, pieces, ...prepared }: PreparedDocument,
  createdAt: string,
): Promise<void> {
  const filename = document.filename ?? basename(document.file!);
  const path = [demo.slug, prepared.bot.slug, filename];
  const stored = em.create(Document, {
    id: demoId(...path),
    tenant: bot.tenant,
    bot,
    filename,
    sourceUri: document.sourceUri ?? null,
    sizeBytes: String(sizeOf(document, text)),
    status: document.status as DocumentStatus,
    errorMessage: document.errorMessage ?? null,
    createdAt,
  });
  await em.flush();
  await storeChunks(
    em,
    { id: stored.id, tenantId: demoId(demo.slug) },
    pieces.map((piece, index) => ({
      id: demoId(...path, String(index)),
      text: piece.text,
      chunkIndex: index,
      pageNum: document.pages ? Math.floor(piece.start / PAGE_LENGTH) + 1 : null,
      metadata: document.metadata ?? {},
      embedding: piece.embedding,
      createdAt,
    })),
  );
}

function storeQueries(
  em: SqlEntityManager,
  demo: DemoTenant,
  { slug, queries }: DemoBot,
  bot: Bot,
  keys: ReadonlyMap<string, ApiKey>,
): void {
  for (const [index, query] of queries.entries()) {
    em.create(BotQuery, {
      id: demoId(demo.slug, slug, 'query', String(index)),
      tenant: bot.tenant,
      bot,
      apiKey: query.apiKey === null ? null : keys.get(query.apiKey)!,
      query: query.query,
      answer: query.answer,
      confidence: query.confidence as Confidence,
      latencyMs: query.latencyMs,
      sources: query.sources.map(filename => ({
        documentId: demoId(demo.slug, slug, filename),
        filename,
      })),
      createdAt: daysAgo(query.daysAgo, index),
    });
  }
}

async function addShownKey(database: Database, tenant: DemoTenant): Promise<string> {
  const { secret, prefix, hash } = newKey();
  await database.write('addShownKey', OPERATOR_SCOPE, async em => {
    em.create(ApiKey, {
      tenant: demoId(tenant.slug),
      name: 'Playground',
      prefix,
      keyHash: hash,
      scopes: ['read', 'search'] as ApiKeyScope[],
      rateLimitRpm: SHOWN_KEY_RATE_LIMIT,
    });
  });
  return secret;
}

function sizeOf(document: DemoDocument, text: string): number {
  return document.sizeBytes ?? Buffer.byteLength(text);
}

/** Now less some days, and some seconds so that no two rows of a loop have the same time. */
function daysAgo(days: number, seconds = 0): string {
  return new Date(Date.now() - days * DAY_MS - seconds * 1_000).toISOString();
}
