import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from 'pg';
import { v7 } from 'uuid';
import { ClusteredVectors, randomNumbers } from '../../test/support/clustered-vectors.js';
import { copyRows, int32, jsonb, text, uuid, vector, type BinaryRow } from '../shared/copy-rows.js';
import { commentOf, makeLogin, migrate, newKeys, urlOf, withClient } from '../shared/database.js';
import { sentences } from '../shared/random-text.js';
import { classesAt, indexFrom, type TenantClass } from './classes.js';
import { storeQuestions } from './questions.js';

const DATABASE = 'weaver_bench_search';
const LOGIN = 'weaver_bench_search_gateway';
const OURS = 'Weaver bench';
const VERSION = 1;

const SEED = 20_261_124;
const BOTS = 3;
const PASSAGES = 20;
const TEXT_LENGTH = 400;
const TEXTS = 2_000;
/** Topics that all tenants write about. In the largest tenant some 170 chunks are on each. */
const TOPICS = 300;

export interface DataSet {
  /** As the superuser, whom no policy holds. */
  readonly adminUrl: string;
  /** As the gateway's login: NOINHERIT, a member of both roles, owner of nothing. */
  readonly gatewayUrl: string;
  readonly classes: readonly TenantClass[];
  /** A key of each tenant that a question is for. */
  readonly keys: ReadonlyMap<string, string>;
}

export interface DataSetOptions {
  readonly scale: number;
  readonly questions: number;
  readonly reuse: boolean;
}

type Log = (line: string) => void;

/**
 * The tables of the original: one row for each chunk, one index over the vectors of all tenants.
 */
const originalTable = (name: string): string => `create table ${name} (
  id uuid not null, tenant_id uuid not null, bot_id uuid not null, doc_id uuid not null,
    text text not null, page_num int, chunk_index int not null,
  chunk_metadata jsonb not null default '{}', embedding vector(1536),
    search_vector tsvector generated always as (to_tsvector('english', text)) stored,
  created_at timestamptz not null default now())`;
const COPIED = '(id, tenant_id, bot_id, doc_id, text, chunk_index, chunk_metadata, embedding)';
const PLAIN = 'id, tenant_id, bot_id, doc_id, text, chunk_index, chunk_metadata';

/**
 * The stages of the data set. Each is remembered when it is complete, so that a run that ended
 * early is taken up where it was.
 */
const STAGES: readonly {
  readonly name: string;
  run(parts: {
    client: Client;
    classes: readonly TenantClass[];
    questions: number;
    adminUrl: string;
    log: Log;
  }): Promise<void>;
}[] = [
  { name: 'tenants and chunks', run: ({ client, classes, log }) => fill(client, classes, log) },
  {
    name: "the gateway's table",
    async run({ client }) {
      await client.query(
        'set session_replication_role = replica; truncate doc_chunks; insert into ' +
          `doc_chunks (${PLAIN}, embedding) select ${PLAIN}, embedding::halfvec(1536) from ` +
          'original_chunks',
      );
      await client.query('reset session_replication_role');
    },
  },
  {
    name: 'the repaired table',
    async run({ client }) {
      await client.query(
        `drop table if exists repaired_chunks; ${originalTable('repaired_chunks')}; ` +
          `insert into repaired_chunks (${PLAIN}, embedding) select ${PLAIN}, embedding ` +
          'from original_chunks',
      );
    },
  },
  {
    name: "the original's indexes (m = 16)",
    run: ({ client, log }) => index(client, 'original_chunks', 'm = 16, ef_construction = 64', log),
  },
  {
    name: 'the repaired indexes (m = 32, which takes minutes at full size)',
    run: ({ client, log }) =>
      index(client, 'repaired_chunks', 'm = 32, ef_construction = 128', log),
  },
  {
    name: 'what the questions should find',
    run: ({ client, classes, questions, log }) =>
      storeQuestions(client, classes, questions, vectorsOfQuestions(), log),
  },
  { name: 'vacuum', run: async ({ client }) => void (await client.query('vacuum (analyze)')) },
  {
    name: 'indexes of large tenants (weaver search tune)',
    run: ({ adminUrl, classes, log }) => tune(adminUrl, indexFrom(classes), log),
  },
];

/** Makes the data set, or goes on with what an earlier run left. */
export async function prepareDataSet(
  serverUrl: string,
  { scale, questions, reuse }: DataSetOptions,
  log: Log,
): Promise<DataSet> {
  const adminUrl = urlOf(serverUrl, DATABASE);
  const classes = classesAt(scale);
  const kind = `${OURS}: search ${VERSION}, scale ${scale}, ${questions} questions`;
  const password = v7();
  await withClient(serverUrl, async admin => {
    const comment = await commentOf(admin, DATABASE, OURS);
    if (!(reuse && comment?.startsWith(kind))) {
      if (comment !== undefined) await admin.query(`drop database ${DATABASE} with (force)`);
      await admin.query(`create database ${DATABASE}`);
      await admin.query(`comment on database ${DATABASE} is '${kind}; 0'`);
    }
    await migrate(adminUrl);
    const done = Number((await commentOf(admin, DATABASE, OURS))!.split('; ')[1]);
    for (const [number, stage] of STAGES.entries()) {
      if (number < done) continue;
      const startedAt = performance.now();
      log(`${stage.name} ...`);
      await withClient(adminUrl, client =>
        stage.run({ client, classes, questions, adminUrl, log }),
      );
      await admin.query(`comment on database ${DATABASE} is '${kind}; ${number + 1}'`);
      log(`${stage.name}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    }
    await makeLogin(admin, LOGIN, password);
  });
  return {
    adminUrl,
    gatewayUrl: urlOf(serverUrl, DATABASE, LOGIN, password),
    classes,
    keys: await withClient(adminUrl, addKeys),
  };
}

/** Drops the database and the login. */
export async function removeDataSet(serverUrl: string): Promise<void> {
  await withClient(serverUrl, async admin => {
    await admin.query(`drop database if exists ${DATABASE} with (force)`);
    await admin.query(`drop role if exists ${LOGIN}`);
  });
}

/**
 * Tenants, bots and documents as the gateway has them, and the chunks in the original's table.
 * Triggers and foreign keys are off meanwhile.
 */
async function fill(client: Client, classes: readonly TenantClass[], log: Log): Promise<void> {
  await client.query(
    'set session_replication_role = replica; truncate tenants cascade; drop table if ' +
      `exists original_chunks; ${originalTable('original_chunks')}`,
  );
  const next = randomNumbers(SEED);
  const texts = Array.from({ length: TEXTS }, () => text(sentences(next, TEXT_LENGTH)));
  const vectors = new ClusteredVectors(SEED, TOPICS);
  for (const { name, tenants, chunks } of classes) {
    for (let number = 0; number < tenants; number += 1) {
      const tenantId = v7();
      const bots = Array.from({ length: BOTS }, () => v7());
      const documents = Array.from({ length: Math.ceil(chunks / PASSAGES) }, (_, d) => ({
        id: v7(),
        botId: bots[d % BOTS]!,
      }));
      await client.query('insert into tenants (id, name, plan_tier) values ($1, $2, $3)', [
        tenantId,
        `${name} ${number}`,
        name,
      ]);
      await client.query(
        `insert into bots (id, tenant_id, name) select id, $1, 'Bot' from unnest($2::uuid[]) id`,
        [tenantId, bots],
      );
      await client.query(
        'insert into docs (id, tenant_id, bot_id, filename, size_bytes, status) select ' +
          "id, $1, bot, 'document.md', 1, 'completed' " +
          'from unnest($2::uuid[], $3::uuid[]) d(id, bot)',
        [tenantId, documents.map(({ id }) => id), documents.map(({ botId }) => botId)],
      );
      await copyRows(
        client,
        `original_chunks ${COPIED}`,
        chunksOf(tenantId, chunks, documents, vectors, texts),
      );
    }
    log(`  ${name}: ${tenants} × ${chunks} chunks`);
  }
}

function* chunksOf(
  tenantId: string,
  chunks: number,
  documents: readonly { id: string; botId: string }[],
  vectors: ClusteredVectors,
  texts: readonly Buffer[],
): Generator<BinaryRow> {
  const tenant = uuid(tenantId);
  let made = 0;
  for (const { id, botId } of documents) {
    const [document, bot] = [uuid(id), uuid(botId)];
    for (const passage of vectors.document(Math.min(PASSAGES, chunks - made))) {
      // A fifth of the chunks is of each kind, one of thirty is rare.
      const metadata = { kind: vectors.below(5), ...(vectors.below(30) === 0 && { rare: true }) };
      yield [
        uuid(v7()),
        tenant,
        bot,
        document,
        texts[vectors.below(TEXTS)]!,
        int32(made),
        jsonb(metadata),
        vector(passage),
      ];
      made += 1;
    }
  }
}

/**
 * The same topics, and other numbers from there on: the questions would repeat the chunks that were
 * made first.
 */
function vectorsOfQuestions(): ClusteredVectors {
  const vectors = new ClusteredVectors(SEED, TOPICS);
  for (let skipped = 0; skipped < 1_000_003; skipped += 1) vectors.below(2);
  return vectors;
}

async function index(client: Client, table: string, graph: string, log: Log): Promise<void> {
  for (const name of ['id', 'tenant', 'document', 'words', 'ann'])
    await client.query(`drop index if exists ${table}_${name}`);
  await client.query(`create unique index ${table}_id on ${table} (id)`);
  await client.query(`create index ${table}_tenant on ${table} (tenant_id)`);
  await client.query(`create index ${table}_document on ${table} (doc_id)`);
  await client.query(`create index ${table}_words on ${table} using gin (search_vector)`);
  await client.query(`set maintenance_work_mem = '2GB'; set max_parallel_maintenance_workers = 2`);
  const startedAt = performance.now();
  await client.query(
    `create index ${table}_ann on ${table} ` +
      `using hnsw (embedding vector_cosine_ops) with (${graph})`,
  );
  log(`  HNSW with ${graph}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}

async function tune(adminUrl: string, from: number, log: Log): Promise<void> {
  const main = join(import.meta.dirname, '../../dist/src/main.js');
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'search', 'tune'], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: adminUrl,
      WEAVER_MIGRATION_URL: adminUrl,
      WEAVER_SEARCH_INDEX_FROM: String(from),
    },
  });
  for (const line of stdout.trimEnd().split('\n')) log(`  ${line}`);
}

/**
 * A new key for each tenant that is asked about, in place of the last run's: secrets are not
 * stored.
 */
async function addKeys(client: Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string }>(
    'select distinct tenant_id as id from bench_questions',
  );
  return newKeys(
    client,
    rows.map(({ id }) => id),
  );
}
