import type { Client } from 'pg';
import { v7 } from 'uuid';
import { ClusteredVectors, randomNumbers } from '../../test/support/clustered-vectors.js';
import {
  commentOf,
  isMigrated,
  makeLogin,
  migrate,
  newKeys,
  urlOf,
  withClient,
} from '../shared/database.js';
import { sentences } from '../shared/random-text.js';
import { createSearchFunctions, dropSearchFunctions } from './search-functions.js';
import { prepareWrites, removeWrites } from './write-workloads.js';

const DATABASE = 'weaver_bench';
const LOGIN = 'weaver_bench_gateway';

/**
 * The database's comment: by it a run knows that the database is its own, and whether the data set
 * in it is complete.
 */
const OURS = 'Weaver bench';
const COMPLETE = `${OURS}: navigation data set 1`;

const TENANTS = 50;
const BOTS = 3;
const DOCUMENTS = 40;
const CHUNKS = 5;
const TEXT_LENGTH = 800;
const SEED = 20_261_123;
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The data set in a database, and how to reach it. */
export interface DataSet {
  /** As the superuser, who is asked about the server and whom no policy holds. */
  readonly adminUrl: string;
  /** As the gateway's login: NOINHERIT, a member of both roles, owner of nothing. */
  readonly gatewayUrl: string;
  readonly tenants: readonly {
    readonly id: string;
    readonly apiKey: string;
    readonly question: readonly number[];
    /** Two words of one of its chunks. */
    readonly words: string;
  }[];
  /** Documents for chunks to be added to, by tenant. */
  readonly written: ReadonlyMap<string, string>;
}

/**
 * Makes the database anew, or takes the complete one that `reuse` finds. Throws when a database of
 * that name is not ours.
 */
export async function prepareDataSet(
  serverUrl: string,
  reuse: boolean,
  progress: (line: string) => void,
): Promise<DataSet> {
  const adminUrl = urlOf(serverUrl, DATABASE);
  const password = v7();
  await withClient(serverUrl, async admin => {
    const comment = await commentOf(admin, DATABASE, OURS);
    if (!(reuse && comment === COMPLETE && (await isMigrated(adminUrl)))) {
      if (comment !== undefined) await admin.query(`drop database ${DATABASE} with (force)`);
      await admin.query(`create database ${DATABASE}`);
      await admin.query(`comment on database ${DATABASE} is '${OURS}: incomplete'`);
      await migrate(adminUrl);
      await fill(adminUrl, progress);
      await admin.query(`comment on database ${DATABASE} is '${COMPLETE}'`);
    }
    await makeLogin(admin, LOGIN, password);
  });
  const tenants = await addKeys(adminUrl);
  const dataSet = {
    adminUrl,
    gatewayUrl: urlOf(serverUrl, DATABASE, LOGIN, password),
    tenants,
    written: await withClient(adminUrl, client =>
      prepareWrites(
        client,
        tenants.map(({ id }) => id),
      ),
    ),
  };
  await createSearchFunctions(dataSet);
  return dataSet;
}

/** Leaves the database as it was filled, for the next run. */
export async function cleanDataSet({ adminUrl }: DataSet): Promise<void> {
  await withClient(adminUrl, async client => {
    await removeWrites(client);
    await dropSearchFunctions(client);
  });
}

/** Drops the database and the login. */
export async function removeDataSet(serverUrl: string): Promise<void> {
  await withClient(serverUrl, async admin => {
    await admin.query(`drop database if exists ${DATABASE} with (force)`);
    await admin.query(`drop role if exists ${LOGIN}`);
  });
}

/**
 * 30,000 chunks of text with vectors, the same on every machine. Triggers and foreign keys are off
 * meanwhile, as when a dump is restored.
 */
async function fill(adminUrl: string, progress: (line: string) => void): Promise<void> {
  const vectors = new ClusteredVectors(SEED);
  const next = randomNumbers(SEED);
  let made = 0;
  // One row each second of a made-up time, so that every order has one answer.
  const row = (): { id: string; created_at: string } => {
    const msecs = EPOCH_MS + 1_000 * made++;
    return {
      id: v7({ msecs, random: Uint8Array.from({ length: 16 }, () => Math.floor(next() * 256)) }),
      created_at: new Date(msecs).toISOString().replace('Z', '123Z'),
    };
  };

  await withClient(adminUrl, async client => {
    await client.query('set session_replication_role = replica');
    for (let t = 0; t < TENANTS; t += 1) {
      const tenant = {
        ...row(),
        name: `Tenant ${t} ${sentences(next, 20)}`,
        plan_tier: ['free', 'team', 'business'][t % 3],
      };
      await insert(
        client,
        'tenants',
        'id uuid, created_at timestamptz, name text, plan_tier text',
        [tenant],
      );
      for (let b = 0; b < BOTS; b += 1) {
        const bot = { ...row(), tenant_id: tenant.id, name: `Bot ${b} ${sentences(next, 20)}` };
        const documents = Array.from({ length: DOCUMENTS }, (_, d) => ({
          ...row(),
          tenant_id: tenant.id,
          bot_id: bot.id,
          filename: `${sentences(next, 24).toLowerCase().replaceAll(/\W+/g, '-')}-${d}.md`,
          gcs_path: d % 2 === 0 ? `gs://bench/${t}/${b}/${d}.md` : null,
          size_bytes: CHUNKS * TEXT_LENGTH,
          status: d % 10 === 9 ? 'failed' : 'completed',
          error_message: d % 10 === 9 ? sentences(next, 60) : null,
        }));
        const chunks = documents.flatMap(document =>
          vectors.document(CHUNKS).map((vector, c) => ({
            ...row(),
            tenant_id: tenant.id,
            bot_id: bot.id,
            doc_id: document.id,
            text: sentences(next, TEXT_LENGTH),
            chunk_index: c,
            page_num: 1 + Math.floor(c / 2),
            chunk_metadata: { section: c },
            embedding: literalOf(vector),
          })),
        );
        await insert(client, 'bots', 'id uuid, created_at timestamptz, tenant_id uuid, name text', [
          bot,
        ]);
        await insert(
          client,
          'docs',
          'id uuid, created_at timestamptz, tenant_id uuid, bot_id uuid, filename text, ' +
            'gcs_path text, size_bytes bigint, status text, error_message text',
          documents,
        );
        await insert(
          client,
          'doc_chunks',
          'id uuid, created_at timestamptz, tenant_id uuid, bot_id uuid, doc_id uuid, ' +
            'text text, chunk_index int, page_num int, chunk_metadata jsonb, embedding ' +
            'halfvec(1536)',
          chunks,
        );
      }
      if (t % 10 === 9) progress(`${t + 1} of ${TENANTS} tenants`);
    }
    await client.query('vacuum (analyze)');
  });
}

async function insert(
  client: Client,
  table: string,
  columns: string,
  rows: readonly object[],
): Promise<void> {
  const names = columns.split(', ').map(column => column.split(' ', 1)[0]);
  await client.query(
    `insert into ${table} (${names}) select ${names} from json_to_recordset($1) as r(${columns})`,
    [JSON.stringify(rows)],
  );
}

/** Four digits are as much as half precision holds of such numbers. */
function literalOf(vector: Float32Array): string {
  return `[${Array.from(vector, value => value.toFixed(4)).join()}]`;
}

/** A new key and questions for each tenant. */
async function addKeys(adminUrl: string): Promise<DataSet['tenants']> {
  const vectors = new ClusteredVectors(SEED);
  return withClient(adminUrl, async client => {
    const { rows } = await client.query<{ id: string; text: string }>(
      `select t.id, (
         select text from doc_chunks c where c.tenant_id = t.id order by c.id limit 1
       ) as text from tenants t order by t.created_at`,
    );
    const keys = await newKeys(
      client,
      rows.map(({ id }) => id),
      ['read', 'search', 'write'],
    );
    return rows.map(({ id, text }) => ({
      id,
      apiKey: keys.get(id)!,
      question: Array.from(vectors.questionOnTopic(), value => Number(value.toFixed(6))),
      words: text
        .match(/[a-z]{6,}/g)!
        .slice(0, 2)
        .join(' '),
    }));
  });
}
