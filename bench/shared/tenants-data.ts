import type { Client } from 'pg';
import { v7 } from 'uuid';
import { ClusteredVectors, randomNumbers } from '../../test/support/clustered-vectors.js';
import {
  copyRows,
  halfvec,
  int32,
  int64,
  jsonb,
  text,
  timestamptz,
  uuid,
  type BinaryRow,
} from './copy-rows.js';
import { sentences } from './random-text.js';

const SEED = 20_261_124;
const BOTS = 3;
export const CHUNKS_OF_DOCUMENT = 5;
const TEXT_LENGTH = 800;
const TEXTS = 2_000;
const EPOCH_MS = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;

/** A tenant to be made. The same number gives the same rows, whoever else is in the database. */
export interface TenantPlan {
  readonly number: number;
  readonly documents: number;
  /** Vectors of its own, which lie as those of real texts do; others have some of these again. */
  readonly ownVectors: boolean;
}

export interface MadeTenant {
  readonly id: string;
  readonly botIds: readonly string[];
  readonly documentIds: readonly string[];
}

interface DocumentPlan {
  readonly tenantId: string;
  readonly botId: string;
  readonly id: string;
  readonly createdMs: number;
  readonly number: number;
  readonly vectors: readonly Buffer[];
  readonly random: () => number;
}

/**
 * Rows of all tables that reads go through, where there were none, each tenant with three bots.
 * Documents lie in the order of their time, all tenants' among each other, as they come in.
 */
export async function fillTenants(
  client: Client,
  plans: readonly TenantPlan[],
): Promise<MadeTenant[]> {
  const clustered = new ClusteredVectors(SEED);
  const known: Buffer[] = [];
  const documents: DocumentPlan[] = [];
  const tenants = plans.map(({ number, documents: count, ownVectors }) => {
    const random = randomNumbers(SEED + number);
    const newId = (msecs: number): string =>
      v7({ msecs, random: Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)) });
    const createdMs = EPOCH_MS + number * 1_000;
    const id = newId(createdMs);
    const botIds = Array.from({ length: BOTS }, (_, nth) => newId(createdMs + nth));
    const own = Array.from({ length: count }, (_, nth): DocumentPlan => {
      const madeMs = EPOCH_MS + YEAR_MS + Math.floor(random() * YEAR_MS);
      const vectors = ownVectors
        ? clustered.document(CHUNKS_OF_DOCUMENT).map(halfvec)
        : Array.from(
            { length: CHUNKS_OF_DOCUMENT },
            () => known[Math.floor(random() * known.length)]!,
          );
      if (ownVectors) known.push(...vectors);
      return {
        tenantId: id,
        botId: botIds[nth % BOTS]!,
        id: newId(madeMs),
        createdMs: madeMs,
        number: nth,
        vectors,
        random,
      };
    });
    documents.push(...own);
    return {
      id,
      name: `Tenant ${number} ${sentences(random, 20)}`,
      createdMs,
      botIds,
      documentIds: own.map(document => document.id),
    };
  });
  documents.sort((a, b) => a.createdMs - b.createdMs);

  // Triggers and foreign keys are off meanwhile, as when a dump is restored.
  await client.query('set session_replication_role = replica');
  await copyRows(
    client,
    'tenants (id, name, plan_tier, created_at)',
    tenants.map(({ id, name, createdMs }) => [
      uuid(id),
      text(name),
      text('team'),
      timestamptz(createdMs),
    ]),
  );
  const bots = tenants.flatMap(({ id, botIds, createdMs }) =>
    botIds.map((botId, nth): BinaryRow => [
      uuid(botId),
      uuid(id),
      text(`Bot ${nth}`),
      timestamptz(createdMs + nth),
    ]),
  );
  await copyRows(client, 'bots (id, tenant_id, name, created_at)', bots);
  await copyRows(
    client,
    'docs (id, tenant_id, bot_id, filename, gcs_path, size_bytes, status, error_message, ' +
      'created_at, updated_at)',
    documents.map(documentRow),
  );
  await withoutIndexes(client, 'doc_chunks', () =>
    copyRows(
      client,
      'doc_chunks (id, tenant_id, bot_id, doc_id, text, chunk_index, page_num, ' +
        'chunk_metadata, embedding, created_at)',
      chunkRows(documents),
    ),
  );
  await client.query('reset session_replication_role');
  await client.query('vacuum (freeze, analyze)');
  return tenants;
}

function documentRow({ id, tenantId, botId, number, createdMs }: DocumentPlan): BinaryRow {
  const failed = number % 10 === 9;
  return [
    uuid(id),
    uuid(tenantId),
    uuid(botId),
    text(`document-${number}.md`),
    number % 2 === 0 ? text(`gs://bench/${id}.md`) : null,
    int64(CHUNKS_OF_DOCUMENT * TEXT_LENGTH),
    text(failed ? 'failed' : 'completed'),
    failed ? text('The text could not be read.') : null,
    timestamptz(createdMs),
    timestamptz(createdMs),
  ];
}

function* chunkRows(documents: readonly DocumentPlan[]): Generator<BinaryRow> {
  const next = randomNumbers(SEED);
  const texts = Array.from({ length: TEXTS }, () => text(sentences(next, TEXT_LENGTH)));
  for (const { id, tenantId, botId, createdMs, vectors, random } of documents) {
    for (const [index, vector] of vectors.entries()) {
      const chunkId = v7({
        msecs: createdMs,
        random: Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)),
      });
      // A fifth of the chunks is of each kind.
      const metadata = jsonb({ kind: Math.floor(random() * 5) });
      yield [
        uuid(chunkId),
        uuid(tenantId),
        uuid(botId),
        uuid(id),
        texts[Math.floor(random() * TEXTS)]!,
        int32(index),
        int32(1 + Math.floor(index / 2)),
        metadata,
        vector,
        timestamptz(createdMs),
      ];
    }
  }
}

/**
 * Makes the indexes of a table anew behind `work`, which is several times faster than keeping them
 * up to date. Those of constraints stay.
 */
async function withoutIndexes(
  client: Client,
  table: string,
  work: () => Promise<void>,
): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
      from pg_index
      where indrelid = $1::regclass
        and not exists (select from pg_constraint where conindid = indexrelid)`,
    [table],
  );
  for (const { name } of rows) await client.query(`drop index ${name}`);
  await work();
  await client.query(`set maintenance_work_mem = '512MB'`);
  for (const { definition } of rows) await client.query(definition);
  await client.query('reset maintenance_work_mem');
}
