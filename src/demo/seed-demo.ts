import { basename } from 'node:path';
import { createApiKey, revokeApiKey } from '../api-keys/api-key.service.js';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { AuditActorKind, COMMAND_LINE, type Caller } from '../auth/caller.js';
import { ApiKeyScope } from '../auth/principal.js';
import { recordBotQuery } from '../bot-queries/bot-query.service.js';
import { Bot } from '../bots/bot.entity.js';
import { createBot, deleteBot } from '../bots/bot.service.js';
import { embedChunks, splitChunks, type UnembeddedChunk } from '../chunking/prepare-chunks.js';
import { DEFAULT_CHUNK_SIZE } from '../chunking/split-text.js';
import { addChunks } from '../chunks/chunk.service.js';
import { NO_QUOTAS } from '../config/quotas.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { ReadModels } from '../db/read-model.js';
import { createDocument, updateDocument } from '../documents/document.service.js';
import type { Embedder } from '../embedders/embedder.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { createTenant } from '../tenants/tenant.service.js';
import { createUser } from '../users/user.service.js';
import { operatorDb, transactionDb, type Db, type EmbeddingDb } from '../writes/db.js';
import { updateRow } from '../writes/rows.js';
import {
  demoId,
  readDemoTenants,
  readDemoText,
  type DemoApiKey,
  type DemoBot,
  type DemoDocument,
  type DemoTenant,
} from './demo-content.js';

/** Characters on a page of a demo document that has pages. */
const PAGE_LENGTH = 2_400;
const DAY_MS = 86_400_000;
/** Requests a minute of the key that is printed: more than a person makes. */
const PRINTED_KEY_RATE_LIMIT = 100_000;

export interface DemoSummary {
  /** Secret of a new key of the first tenant; it cannot be read again. */
  readonly apiKey: string;
  readonly tenantName: string;
}

/** Whether the database has no tenant. */
export async function isEmpty(database: Database): Promise<boolean> {
  return database.write('isEmpty', OPERATOR_SCOPE, async em => (await em.count(Tenant)) === 0);
}

/** Whether none, some or all of the demo tenants are missing. */
export async function demoTenantsMissing(database: Database): Promise<'none' | 'some' | 'all'> {
  const ids = readDemoTenants().map(tenant => demoId(tenant.slug));
  const count = await database.write('demoTenantsMissing', OPERATOR_SCOPE, async em =>
    em.count(Tenant, { id: { $in: ids } }),
  );
  return count === 0 ? 'all' : count < ids.length ? 'some' : 'none';
}

/**
 * Adds the demo tenants to a migrated database, each in one transaction, by the verbs that the API
 * uses, and creates a key for the first of them. Leaves tenants that exist as they are, so it can
 * be repeated.
 */
export async function seedDemo(
  database: Database,
  embedder: Embedder,
  progress: (line: string) => void | Promise<void> = () => {},
): Promise<DemoSummary> {
  const tenants = readDemoTenants();
  const models = new ReadModels(database.orm);
  for (const tenant of tenants) {
    const vectors = await embedTexts(tenant, embedder);
    const isNew = await database.write('seedDemo', OPERATOR_SCOPE, async em => {
      if (await em.findOne(Tenant, demoId(tenant.slug))) return false;
      await addTenant({ ...transactionDb(em, models), ...vectors }, tenant);
      return true;
    });
    const documents = tenant.bots.reduce((sum, bot) => sum + bot.documents.length, 0);
    const counts = `${tenant.bots.length} bots, ${documents} documents, ${vectors.count} chunks`;
    await progress(`${tenant.name}: ${isNew ? counts : 'there already'}`);
  }
  const [first] = tenants;
  const { secret } = await createApiKey(operatorDb(database), COMMAND_LINE, {
    tenantId: demoId(first!.slug),
    name: 'Playground',
    scopes: [ApiKeyScope.READ, ApiKeyScope.SEARCH],
    rateLimitRpm: PRINTED_KEY_RATE_LIMIT,
  });
  return { apiKey: secret!, tenantName: first!.name };
}

/** The vectors of a tenant's texts, because nothing may be embedded in a transaction. */
async function embedTexts(
  tenant: DemoTenant,
  embedder: Embedder,
): Promise<Omit<EmbeddingDb, keyof Db> & { readonly count: number }> {
  const vectors = new Map<string, number[]>();
  const embed = async (texts: readonly string[]): Promise<number[][]> => {
    const embedded = await embedder.embed(texts);
    for (const [index, text] of texts.entries()) vectors.set(text, embedded[index]!);
    return embedded;
  };
  const documents = tenant.bots.flatMap(bot => bot.documents);
  const counts = await Promise.all(
    documents.map(async document => {
      if (document.file === null) return 0;
      const chunks = chunksToEmbed(readDemoText(tenant, document.file), document);
      await embedChunks(chunks, filenameOf(document), { embed });
      return chunks.length;
    }),
  );
  return {
    embedder,
    embed: async texts => texts.map(text => vectors.get(text)!),
    pause: () => undefined,
    chunkSize: DEFAULT_CHUNK_SIZE,
    quotas: NO_QUOTAS,
    count: counts.reduce((sum, count) => sum + count, 0),
  };
}

/** What is embedded of a document: chunks of another program know no headings. */
function chunksToEmbed(text: string, { sourceUri }: DemoDocument): UnembeddedChunk[] {
  const chunks = splitChunks(text, DEFAULT_CHUNK_SIZE);
  return sourceUri == null
    ? chunks
    : chunks.map(({ text: piece, chunkIndex, textStart }) => ({
        text: piece,
        chunkIndex,
        textStart,
      }));
}

function filenameOf({ file, filename }: DemoDocument): string {
  return filename ?? basename(file!);
}

/**
 * Adds a tenant as if it had been in use for months: its rows have times in the past, and ids that
 * are the same on every machine.
 */
async function addTenant(db: EmbeddingDb, demo: DemoTenant): Promise<void> {
  const { slug, users, apiKeys, bots, ...tenant } = demo;
  const tenantId = demoId(slug);
  await createTenant(db, COMMAND_LINE, { ...tenant, id: tenantId, createdAt: daysAgo(90) });
  for (const [index, user] of users.entries()) {
    const id = demoId(slug, user.email);
    await createUser(db, COMMAND_LINE, { ...user, id, tenantId, createdAt: daysAgo(89 - index) });
  }
  for (const key of apiKeys) await addKey(db, demo, key);
  await addBots(db, demo);
  const documents = bots.flatMap(bot => bot.documents.map(document => ({ bot, document })));
  for (const [index, { bot, document }] of documents.entries())
    await addDocument(db, demo, bot, document, daysAgo(60 - index));
  for (const bot of bots) await addQueries(db, demo, bot);
}

async function addKey(
  db: Db,
  demo: DemoTenant,
  { revoked, expiresInDays, ...key }: DemoApiKey,
): Promise<void> {
  const id = demoId(demo.slug, 'key', key.name);
  const tenantId = demoId(demo.slug);
  const expiresAt = expiresInDays === null ? null : daysAgo(-expiresInDays);
  const createdAt = daysAgo(80);
  await createApiKey(db, COMMAND_LINE, { ...key, id, tenantId, expiresAt, createdAt });
  if (revoked) await revokeApiKey(db, COMMAND_LINE, { id });
  await db.write('useDemoKey', em =>
    updateRow(em, ApiKey, { id, tenantId }, { lastUsedAt: daysAgo(revoked ? 40 : 1) }),
  );
}

/** The tenant's bots. That which the database creates with each tenant is deleted. */
async function addBots(db: Db, demo: DemoTenant): Promise<void> {
  const tenantId = demoId(demo.slug);
  const { id, name } = await db.write('firstBot', em =>
    em.findOneOrFail(Bot, { tenant: tenantId }),
  );
  for (const [index, bot] of demo.bots.entries()) {
    const { slug, documents: _documents, queries: _queries, ...values } = bot;
    const key = { id: demoId(demo.slug, slug), tenantId, createdAt: daysAgo(88 - index) };
    await createBot(db, COMMAND_LINE, { ...values, ...key });
  }
  await deleteBot(db, COMMAND_LINE, { id, confirm: name, dryRun: false });
}

/** Adds a document with its text, or a file with the chunks that another program made of it. */
async function addDocument(
  db: EmbeddingDb,
  demo: DemoTenant,
  bot: DemoBot,
  document: DemoDocument,
  createdAt: string,
): Promise<void> {
  const { file, metadata = {}, pages = false, errorMessage, status, ...values } = document;
  const text = file === null ? '' : readDemoText(demo, file);
  const filename = filenameOf(document);
  const id = demoId(demo.slug, bot.slug, filename);
  const input = {
    ...values,
    id,
    tenantId: demoId(demo.slug),
    botId: demoId(demo.slug, bot.slug),
    filename,
    createdAt,
  };
  if (values.sourceUri == null) {
    await createDocument(db, COMMAND_LINE, { ...input, text, metadata });
    return;
  }
  const sizeBytes = String(values.sizeBytes ?? Buffer.byteLength(text));
  await createDocument(db, COMMAND_LINE, { ...input, sizeBytes, status });
  if (errorMessage !== undefined) await updateDocument(db, COMMAND_LINE, { id, errorMessage });
  if (file === null) return;
  const chunks = chunksToEmbed(text, document).map(chunk => ({
    text: chunk.text,
    pageNum: pages ? Math.floor(chunk.textStart! / PAGE_LENGTH) + 1 : null,
    metadata,
  }));
  await addChunks(db, COMMAND_LINE, { documentId: id, chunks, createdAt });
}

/** Records the questions that a bot was asked, each by the key that it came with. */
async function addQueries(db: Db, demo: DemoTenant, { slug, queries }: DemoBot): Promise<void> {
  const tenantId = demoId(demo.slug);
  for (const [index, { apiKey, daysAgo: days, sources, ...query }] of queries.entries()) {
    const key = demo.apiKeys.find(({ name }) => name === apiKey);
    await recordBotQuery(db, key ? callerWith(demo, key) : COMMAND_LINE, {
      ...query,
      id: demoId(demo.slug, slug, 'query', String(index)),
      tenantId,
      botId: demoId(demo.slug, slug),
      sources: sources.map(filename => ({
        documentId: demoId(demo.slug, slug, filename),
        filename,
      })),
      createdAt: daysAgo(days, index),
    });
  }
}

function callerWith(demo: DemoTenant, { name, scopes, rateLimitRpm }: DemoApiKey): Caller {
  const tenantId = demoId(demo.slug);
  const keyId = demoId(demo.slug, 'key', name);
  return {
    ...COMMAND_LINE,
    principal: {
      kind: 'apiKey',
      tenantId,
      keyId,
      scopes: new Set(scopes),
      rateLimitRpm: rateLimitRpm!,
    },
    tenantId,
    actor: { kind: AuditActorKind.API_KEY, id: keyId },
  };
}

/** Now less some days, and some seconds so that no two rows of a loop have the same time. */
function daysAgo(days: number, seconds = 0): string {
  return new Date(Date.now() - days * DAY_MS - seconds * 1_000).toISOString();
}
