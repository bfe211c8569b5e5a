import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { basename } from 'node:path';
import { storeKey } from '../api-keys/store-key.js';
import type { ApiKeyScope } from '../auth/principal.js';
import { BotQuery } from '../bot-queries/bot-query.entity.js';
import { Bot } from '../bots/bot.entity.js';
import { embedChunks, splitChunks } from '../chunking/prepare-chunks.js';
import { DEFAULT_CHUNK_SIZE } from '../chunking/split-text.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import type { SplitDocument } from '../documents/document-texts.js';
import { storeDocument, type NewDocument } from '../documents/store-document.js';
import type { Embedder } from '../embedders/embedder.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from '../users/user.entity.js';
import { insertRow } from '../writes/rows.js';
import {
  demoId,
  readDemoTenants,
  readDemoText,
  type DemoApiKey,
  type DemoBot,
  type DemoTenant,
} from './demo-content.js';

/** Characters on a page of a demo document that has pages. */
const PAGE_LENGTH = 2_400;
const DAY_MS = 86_400_000;
/**
 * Requests a minute of the key that is shown to whoever tries Weaver out: more than a person makes.
 */
const DEMO_KEY_RATE_LIMIT = 100_000;

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
  progress: (line: string) => void | Promise<void> = () => {},
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
    const chunkCount = prepared.reduce((sum, { split }) => sum + (split?.chunks.length ?? 0), 0);
    documents += prepared.length;
    chunks += chunkCount;
    const counts = `${tenant.bots.length} bots, ${prepared.length} documents, ${chunkCount} chunks`;
    await progress(`${tenant.name}: ${made ? counts : 'there already'}`);
  }
  const [shown] = tenants;
  const apiKey = await addDemoKey(database, shown!);
  return { apiKey, tenantName: shown!.name, tenants: tenants.length, documents, chunks };
}

interface PreparedDocument {
  readonly row: NewDocument;
  /** None of a document whose file is still being read. */
  readonly split: SplitDocument | undefined;
}

function prepare(demo: DemoTenant, embedder: Embedder): Promise<PreparedDocument[]> {
  const documents = demo.bots.flatMap(bot => bot.documents.map(document => ({ bot, document })));
  return Promise.all(
    documents.map(async ({ bot, document }, number) => {
      const { file, metadata = {}, pages = false, ...values } = document;
      const text = file === null ? '' : readDemoText(demo, file);
      const filename = document.filename ?? basename(file!);
      const path = [demo.slug, bot.slug, filename] as const;
      const createdAt = daysAgo(60 - number);
      const chunks = splitChunks(text, DEFAULT_CHUNK_SIZE).map((chunk, index) => ({
        ...chunk,
        id: demoId(...path, String(index)),
        pageNum: pages ? Math.floor(chunk.textStart! / PAGE_LENGTH) + 1 : null,
        metadata,
        createdAt,
      }));
      return {
        row: {
          ...values,
          id: demoId(...path),
          tenantId: demoId(demo.slug),
          botId: demoId(demo.slug, bot.slug),
          filename,
          createdAt,
          sizeBytes: String(document.sizeBytes ?? Buffer.byteLength(text)),
        },
        split:
          chunks.length === 0
            ? undefined
            : { text, chunks: await embedChunks(chunks, filename, embedder) },
      };
    }),
  );
}

/**
 * Stored as everything is, but as if it had come to be over time: its rows have made-up times, and
 * ids that are always the same. No entry of the audit log tells of it.
 */
async function storeTenant(
  em: SqlEntityManager,
  demo: DemoTenant,
  documents: readonly PreparedDocument[],
): Promise<void> {
  const tenantId = demoId(demo.slug);
  const { slug, users, apiKeys, bots, ...values } = demo;
  await insertRow(em, Tenant, { ...values, id: tenantId, createdAt: daysAgo(90) });
  for (const [index, user] of users.entries()) {
    const id = demoId(slug, user.email);
    await insertRow(em, User, { ...user, id, tenantId, createdAt: daysAgo(89 - index) });
  }
  for (const key of apiKeys) await storeDemoKey(em, demo, key);
  await storeBots(em, demo);
  for (const { row, split } of documents) await storeDocument(em, row, split);
  for (const bot of bots) await storeQueries(em, demo, bot);
}

async function storeDemoKey(
  em: SqlEntityManager,
  demo: DemoTenant,
  key: DemoApiKey,
): Promise<void> {
  const { expiresInDays, ...values } = key;
  await storeKey(em, {
    ...values,
    id: demoId(demo.slug, 'key', key.name),
    tenantId: demoId(demo.slug),
    expiresAt: expiresInDays === null ? null : daysAgo(-expiresInDays),
    lastUsedAt: key.revoked ? daysAgo(40) : daysAgo(1),
    createdAt: daysAgo(80),
  });
}

/** The bot that the tenant was born with becomes the first of the demo's. */
async function storeBots(em: SqlEntityManager, demo: DemoTenant): Promise<void> {
  const tenantId = demoId(demo.slug);
  const [first, ...others] = demo.bots.map(
    ({ slug, documents: _documents, queries: _queries, ...values }, index) => ({
      ...values,
      id: demoId(demo.slug, slug),
      createdAt: daysAgo(88 - index),
    }),
  );
  await em.nativeUpdate(Bot, { tenant: tenantId }, first as Partial<Bot>);
  for (const bot of others) await insertRow(em, Bot, { ...bot, tenantId });
}

async function storeQueries(
  em: SqlEntityManager,
  demo: DemoTenant,
  { slug, queries }: DemoBot,
): Promise<void> {
  for (const [index, { apiKey, daysAgo: days, sources, ...values }] of queries.entries()) {
    await insertRow(em, BotQuery, {
      ...values,
      id: demoId(demo.slug, slug, 'query', String(index)),
      tenantId: demoId(demo.slug),
      botId: demoId(demo.slug, slug),
      apiKeyId: apiKey === null ? null : demoId(demo.slug, 'key', apiKey),
      sources: sources.map(filename => ({
        documentId: demoId(demo.slug, slug, filename),
        filename,
      })),
      createdAt: daysAgo(days, index),
    });
  }
}

async function addDemoKey(database: Database, tenant: DemoTenant): Promise<string> {
  const { secret } = await database.write('addShownKey', OPERATOR_SCOPE, em =>
    storeKey(em, {
      tenantId: demoId(tenant.slug),
      name: 'Playground',
      scopes: ['read', 'search'] as ApiKeyScope[],
      rateLimitRpm: DEMO_KEY_RATE_LIMIT,
      expiresAt: null,
    }),
  );
  return secret;
}

/** Now less some days, and some seconds so that no two rows of a loop have the same time. */
function daysAgo(days: number, seconds = 0): string {
  return new Date(Date.now() - days * DAY_MS - seconds * 1_000).toISOString();
}
