import { v7 } from 'uuid';
import { ClusteredVectors } from '../../test/support/clustered-vectors.js';
import {
  commentOf,
  isMigrated,
  makeLogin,
  migrate,
  newKeys,
  urlOf,
  withClient,
} from '../shared/database.js';
import {
  CHUNKS_OF_DOCUMENT,
  fillTenants,
  type MadeTenant,
  type TenantPlan,
} from '../shared/tenants-data.js';

const LOGIN = 'weaver_bench_growth_gateway';
const OURS = 'Weaver bench';
const VERSION = 1;
const SEED = 20_261_124;

/**
 * At full size: so many tenants are asked, in both databases the same, and the other tenants of the
 * large one share the rest of its chunks.
 */
const ASKED_TENANTS = 50;
const DOCUMENTS_OF_ASKED = 120;
const LARGE_TENANTS = 2_000;
const LARGE_CHUNKS = 300_000;

interface AskedTenant {
  readonly id: string;
  readonly apiKey: string;
  readonly question: readonly number[];
}

export interface GrowthDatabase {
  readonly name: 'small' | 'large';
  readonly adminUrl: string;
  readonly gatewayUrl: string;
  readonly tenants: number;
  readonly chunks: number;
  readonly askedTenants: readonly AskedTenant[];
}

/** The plans of both databases; the large one's begin with those of the small one. */
function plansAt(scale: number): { small: TenantPlan[]; large: TenantPlan[] } {
  const askedTenants = Math.max(2, Math.round(ASKED_TENANTS * scale));
  const others = Math.max(2, Math.round(LARGE_TENANTS * scale)) - askedTenants;
  const documents =
    Math.round((LARGE_CHUNKS * scale) / CHUNKS_OF_DOCUMENT) - askedTenants * DOCUMENTS_OF_ASKED;
  const small = Array.from({ length: askedTenants }, (_, number): TenantPlan => ({
    number,
    documents: DOCUMENTS_OF_ASKED,
    ownVectors: true,
  }));
  const share = (end: number): number => Math.floor((documents * end) / others);
  const rest = Array.from({ length: others }, (_, nth): TenantPlan => ({
    number: askedTenants + nth,
    documents: share(nth + 1) - share(nth),
    ownVectors: false,
  }));
  return { small, large: [...small, ...rest] };
}

/** Makes both databases, or takes the complete ones that `reuse` finds. */
export async function prepareDatabases(
  serverUrl: string,
  { scale, reuse }: { scale: number; reuse: boolean },
  log: (line: string) => void,
): Promise<GrowthDatabase[]> {
  const plans = plansAt(scale);
  const password = v7();
  const databases: GrowthDatabase[] = [];
  for (const name of ['small', 'large'] as const) {
    const database = databaseOf(name);
    const adminUrl = urlOf(serverUrl, database);
    const complete = `${OURS}: growth ${VERSION}, scale ${scale}`;
    await withClient(serverUrl, async admin => {
      const comment = await commentOf(admin, database, OURS);
      if (reuse && comment === complete && (await isMigrated(adminUrl))) return;
      const startedAt = performance.now();
      if (comment !== undefined) await admin.query(`drop database ${database} with (force)`);
      await admin.query(`create database ${database}`);
      await admin.query(`comment on database ${database} is '${OURS}: incomplete'`);
      await migrate(adminUrl);
      const tenants = await withClient(adminUrl, client => fillTenants(client, plans[name]));
      await admin.query(`comment on database ${database} is '${complete}'`);
      log(
        `${database}: ${tenants.length} tenants in ` +
          `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`,
      );
    });
    await withClient(serverUrl, admin => makeLogin(admin, LOGIN, password));
    databases.push({
      name,
      adminUrl,
      gatewayUrl: urlOf(serverUrl, database, LOGIN, password),
      ...(await askedOf(adminUrl, plans)),
      chunks: chunksOf(plans[name]),
    });
  }
  return databases;
}

/** Drops the databases and the login. */
export async function removeDatabases(serverUrl: string): Promise<void> {
  await withClient(serverUrl, async admin => {
    for (const name of ['small', 'large'] as const)
      await admin.query(`drop database if exists ${databaseOf(name)} with (force)`);
    await admin.query(`drop role if exists ${LOGIN}`);
  });
}

function databaseOf(name: 'small' | 'large'): string {
  return `weaver_bench_growth_${name}`;
}

/** New keys for all tenants; of those that are asked, the key and a question. */
async function askedOf(
  adminUrl: string,
  { small }: { small: readonly TenantPlan[] },
): Promise<{ tenants: number; askedTenants: AskedTenant[] }> {
  const vectors = new ClusteredVectors(SEED);
  return withClient(adminUrl, async client => {
    const { rows } = await client.query<Pick<MadeTenant, 'id'>>(
      'select id from tenants order by created_at',
    );
    const keys = await newKeys(
      client,
      rows.map(({ id }) => id),
    );
    const askedTenants = rows.slice(0, small.length).map(({ id }) => ({
      id,
      apiKey: keys.get(id)!,
      question: Array.from(vectors.questionOnTopic(), value => Number(value.toFixed(6))),
    }));
    return { tenants: rows.length, askedTenants };
  });
}

function chunksOf(plans: readonly TenantPlan[]): number {
  return plans.reduce((sum, { documents }) => sum + documents * CHUNKS_OF_DOCUMENT, 0);
}
