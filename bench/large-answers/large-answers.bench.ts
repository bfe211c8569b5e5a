import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { vector } from '@electric-sql/pglite-pgvector';
import { Command } from 'commander';
import type { Client } from 'pg';
import { Database } from '../../src/db/database.js';
import { applyMigrations } from '../../src/ops/migrations/run.js';
import { ENTITIES } from '../../src/entities.js';
import { commentOf, makeLogin, migrate, newKeys, urlOf, withClient } from '../shared/database.js';
import { memoryMb, startGateway, type WatchedServer } from '../shared/processes.js';
import { operations, type Operation } from './operations.js';

const DATABASE = 'weaver_large_answers';
const LOGIN = 'weaver_large_answers_gateway';
const MARK = 'Made by the bench of large answers';
const PASSWORD = 'bench';
const OTHERS_EVERY_MS = 10;
const REST_MS = 1_500;
const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';

interface Options {
  databaseUrl?: string;
  embedded?: boolean;
  only?: string;
}

export function largeAnswersCommand(): Command {
  return new Command('large-answers')
    .description(
      `Sends the largest things that a key can ask for, once and eight at a time, and prints what
they were answered, how long another tenant waited at worst for { viewer { kind } } meanwhile, how
long the event loop was held, and how much memory the gateway took.

Makes the database ${DATABASE} and the login ${LOGIN}, and drops both
afterwards. Build the gateway first: npm run build.`,
    )
    .option(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .option('--embedded', 'the embedded database, in a temporary folder')
    .option(
      '--only <text>',
      'only the operations whose names hold this, or one of these with commas between',
    )
    .action((options: Options) => benchLargeAnswers(options));
}

async function benchLargeAnswers({ databaseUrl, embedded, only = '' }: Options): Promise<void> {
  if (databaseUrl !== undefined) return benchOnPostgres(databaseUrl, only);
  if (!embedded) throw new Error('Give --database-url or --embedded.');
  const dataDir = mkdtempSync(join(tmpdir(), 'weaver-bench-'));
  try {
    const database = await Database.open({ kind: 'embedded', dataDir }, ENTITIES, 'migrate');
    await applyMigrations(database).finally(() => database.close());
    const pglite = await PGlite.create(join(dataDir, 'pg'), { extensions: { vector, btree_gin } });
    const dataSet = await fill(pglite as unknown as Client, {
      documents: 20,
      words: 400,
      nested: 8,
    }).finally(() => pglite.close());
    await measureAll(dataSet, only, undefined, { WEAVER_DATA_DIR: dataDir });
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function benchOnPostgres(databaseUrl: string, only: string): Promise<void> {
  const adminUrl = urlOf(databaseUrl, DATABASE);
  await withClient(databaseUrl, async admin => {
    await commentOf(admin, DATABASE, MARK);
    await admin.query(`drop database if exists ${DATABASE} with (force)`);
    await admin.query(`create database ${DATABASE}`);
    await admin.query(`comment on database ${DATABASE} is '${MARK}'`);
  });
  try {
    await migrate(adminUrl);
    const dataSet = await withClient(adminUrl, async admin => {
      await makeLogin(admin, LOGIN, PASSWORD);
      return fill(admin, { documents: 50, words: 4_000, nested: 458 });
    });
    await measureAll(dataSet, only, urlOf(databaseUrl, DATABASE, LOGIN, PASSWORD));
  } finally {
    await withClient(databaseUrl, async admin => {
      await admin.query(`drop database if exists ${DATABASE} with (force)`);
      await admin.query(`drop role if exists ${LOGIN}`);
    });
  }
}

async function measureAll(
  dataSet: DataSet,
  only: string,
  databaseUrl: string | undefined,
  settings: Record<string, string> = {},
): Promise<void> {
  for (const operation of operations(dataSet).filter(({ name }) =>
    only.split(',').some(part => name.includes(part)),
  )) {
    for (const atOnce of [1, 8]) {
      const server = await startGateway('Weaver', databaseUrl, OPERATOR_TOKEN, settings);
      try {
        console.log(await measure(server, operation, atOnce, dataSet));
      } finally {
        await server.stop();
      }
    }
  }
}

interface DataSet {
  readonly documentId: string;
  /** One of its chunks. */
  readonly chunkId: string;
  /** Its 20 documents have 100 chunks each of 2,500 characters that repeat nothing. */
  readonly botId: string;
  readonly key: string;
  readonly otherKey: string;
}

/**
 * Documents of 100 chunks, and words of each chunk. The embedded database takes minutes for the
 * largest.
 */
interface DataSize {
  readonly documents: number;
  readonly words: number;
  /** Bots whose configs are of many small objects. */
  readonly nested: number;
}

/**
 * Two tenants; one has 42 bots with large configs, and documents: on PostgreSQL with texts as long
 * as they may be.
 */
async function fill(
  admin: Client,
  { documents: count, words, nested }: DataSize,
): Promise<DataSet> {
  const { rows: tenants } = await admin.query<{ id: string }>(
    `insert into tenants (name) values ('Large'), ('Other') returning id`,
  );
  const [large, other] = tenants.map(({ id }) => id) as [string, string];
  await admin.query(
    `insert into bots (tenant_id, name, config_json)
     select $1::uuid, 'Bot ' || n, jsonb_build_object('prompt', repeat('p', 60000))
       from generate_series(1, 42) n
      union all
     select $1::uuid, 'Nested ' || n,
       jsonb_build_object('list', to_jsonb(array_fill('{}'::jsonb, array[16000])))
         from generate_series(1, $2::int) n`,
    [large, nested],
  );
  const { rows: documents } = await admin.query<{ id: string }>(
    `insert into docs (tenant_id, bot_id, filename, size_bytes, status)
     select $1::uuid, (select id from bots where tenant_id = $1::uuid order by created_at, id
       limit 1), n || '.md', 0, 'completed' from generate_series(1, $2::int) n returning id`,
    [large, count],
  );
  await admin.query(
    `insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index, embedding)
     select d.tenant_id, d.bot_id, d.id, repeat('tent ', $2::int), n,
       (select array_agg(sin(n * i))::vector from generate_series(1, 1536) i)
       from docs d cross join generate_series(1, 100) n where d.tenant_id = $1::uuid`,
    [large, words],
  );
  const { rows: bots } = await admin.query<{ id: string }>(
    `insert into bots (tenant_id, name) values ($1::uuid, 'Searched') returning id`,
    [large],
  );
  const botId = bots[0]!.id;
  await admin.query(
    `with d as (
       insert into docs (tenant_id, bot_id, filename, size_bytes, status, created_at)
       select $1::uuid, $2::uuid, n || '.md', 0, 'completed', now() - interval '1 day'
         from generate_series(1, 20) n returning *)
     insert into doc_chunks (tenant_id, bot_id, doc_id, text, chunk_index)
     select d.tenant_id, d.bot_id, d.id,
       'parcel ' || (n % 9) || ' ' || (select string_agg(md5(d.id::text || n || i), ' ')
         from generate_series(1, 75) i), n
       from d cross join generate_series(1, 100) n`,
    [large, botId],
  );
  await admin.query('analyze');
  const keys = await newKeys(admin, [large, other]);
  await admin.query(`update api_keys set scopes = '{read,search,write}'`);
  const documentId = documents[0]!.id;
  const { rows: chunks } = await admin.query<{ id: string }>(
    'select id from doc_chunks where doc_id = $1 limit 1',
    [documentId],
  );
  const { id: chunkId } = chunks[0]!;
  return { documentId, chunkId, botId, key: keys.get(large)!, otherKey: keys.get(other)! };
}

async function measure(
  server: WatchedServer,
  { name, query }: Operation,
  atOnce: number,
  { key, otherKey }: DataSet,
): Promise<string> {
  const waits: number[] = [];
  const failures = new Set<string>();
  const over = new AbortController();
  const ask = async (): Promise<void> => {
    const begin = performance.now();
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': otherKey },
      body: JSON.stringify({ query: '{ viewer { kind } }' }),
    });
    await response.text();
    waits.push(performance.now() - begin);
    if (!response.ok) failures.add(String(response.status));
  };
  for (let nth = 0; nth < 100; nth += 1) await ask();
  const before = memoryMb(server.pid).now ?? 0;
  const usual = Math.max(...waits.splice(0).slice(20));
  const others = (async () => {
    const asked: Promise<void>[] = [];
    while (!over.signal.aborted) {
      asked.push(ask().catch((error: unknown) => void failures.add(String(error))));
      await sleep(OTHERS_EVERY_MS);
    }
    await Promise.all(asked);
  })();
  await sleep(100);
  await server.longestHold();
  const answers = await Promise.all(
    Array.from({ length: atOnce }, () => sendRequest(server.url, key, query)),
  );
  const held = await server.longestHold();
  await sleep(REST_MS);
  over.abort();
  await others;
  const { now = 0, peak = 0 } = memoryMb(server.pid);
  const kinds = Map.groupBy(answers, ({ status, code }) => `${status}${code ? ` ${code}` : ''}`);
  const told = [...kinds].map(
    ([kind, of]) =>
      `${of.length} x ${kind} (${mb(Math.max(...of.map(({ bytes }) => bytes)))} MB, ` +
      `${Math.round(Math.max(...of.map(({ ms }) => ms)))} ms)`,
  );
  const waited =
    `another waits ${Math.round(Math.max(...waits))} ms at worst (before: ` +
    `${Math.round(usual)})${failures.size > 0 ? `, answered ${[...failures].join()}` : ''}`;
  return (
    `${name}, ${atOnce} at once: ${told.join(', ')}; ${waited}; the event loop is held for ` +
    `${held} ms; memory ${Math.round(before)}, at most ${Math.round(peak)}, then ` +
    `${Math.round(now)} MB`
  );
}

interface RequestResult {
  readonly status: number;
  readonly code: string | undefined;
  readonly bytes: number;
  readonly ms: number;
}

/**
 * One request from a thread of its own, so that receiving its answer keeps nobody who is measured
 * waiting.
 */
function sendRequest(url: string, key: string, query: string): Promise<RequestResult> {
  const program = `
    const { parentPort, workerData: { url, key, query } } = require('node:worker_threads');
    const begin = performance.now();
    fetch(url + '/graphql', { method: 'POST', headers: { 'content-type': 'application/json',
      'x-api-key': key, 'accept-encoding': 'identity' }, body: JSON.stringify({ query }) })
      .then(async response => {
        let bytes = 0, head = '';
        for await (const piece of response.body) {
          if (bytes < 2000) head += Buffer.from(piece).toString('latin1').slice(0, 2000);
          bytes += piece.length;
        }
        parentPort.postMessage({ status: response.status, code: /"code":"(\\w+)"/.exec(head)?.[1],
          bytes, ms: performance.now() - begin });
      })
      .catch(error => parentPort.postMessage({ status: 0, code: String(error.cause ?? error),
        bytes: 0, ms: performance.now() - begin }));`;
  return new Promise((resolve, reject) => {
    new Worker(program, { eval: true, workerData: { url, key, query } })
      .once('message', resolve)
      .once('error', reject);
  });
}

function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(bytes < 1_000_000 ? 3 : 0);
}
