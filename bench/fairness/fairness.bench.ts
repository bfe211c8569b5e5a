import { Command } from 'commander';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { newKey } from '../../src/api-keys/key-format.js';
import { commentOf, makeLogin, migrate, urlOf, withClient } from '../shared/database.js';
import { startGateway, type Server } from '../shared/processes.js';

const DATABASE = 'weaver_bench_fairness';
const LOGIN = 'weaver_bench_fairness_gateway';
const OURS = 'Weaver bench';
const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';

const WRITES = 40;
/** Where a lock is held: so long. */
const HELD_MS = 4_000;
/** Between two requests of the other tenant. */
const PAUSE_MS = 20;

const VIEWER = '{ viewer { kind } }';
const ADD =
  'mutation ($input: CreateDocumentInput!) { createDocument(input: $input) { document { id } } }';
const TEXT = (
  'How long do I have to return a tent that I only tried in the garden, and who pays for ' +
  'the parcel? '
).repeat(1_800);

interface Options {
  databaseUrl: string;
}

interface Tenant {
  readonly id: string;
  readonly key: string;
}

export function fairnessCommand(): Command {
  return new Command('fairness')
    .description(
      `Measures how long one tenant waits while another one keeps the gateway busy: with
${WRITES} new documents of ${Math.round(TEXT.length / 1_000)} kB at the same time, and with as
many that all wait for a lock. The gateway runs in production mode with ten connections.

Makes the database ${DATABASE} and the login ${LOGIN}, and drops both afterwards. Build the
gateway first: npm run build.`,
    )
    .requiredOption(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .action(({ databaseUrl }: Options) => benchFairness(databaseUrl, line => console.log(line)));
}

async function benchFairness(serverUrl: string, print: (line: string) => void): Promise<void> {
  const adminUrl = urlOf(serverUrl, DATABASE);
  let server: Server | undefined;
  try {
    const [busy, other] = await prepare(serverUrl, adminUrl);
    server = await startGateway('Weaver', urlOf(serverUrl, DATABASE, LOGIN, LOGIN), OPERATOR_TOKEN);
    const { url } = server;
    const write = (n: number): Promise<number> =>
      ask(url, busy!.key, ADD, { input: { filename: `${n}.md`, text: TEXT } });
    const writes = (): Promise<number[]> =>
      Promise.all(Array.from({ length: WRITES }, (_, n) => write(n)));
    await write(0);
    print(
      row(
        'nothing',
        await measureWaits(
          url,
          other!.key,
          () => new Promise<number[]>(resolve => setTimeout(resolve, HELD_MS, [])),
        ),
      ),
    );
    print(row(`${WRITES} new documents`, await measureWaits(url, other!.key, writes)));
    print(
      row(
        `${WRITES} that wait for a lock`,
        await measureWaits(url, other!.key, () =>
          withClient(adminUrl, async locker => {
            await locker.query('begin');
            await locker.query('select from tenants where id = $1 for update', [busy!.id]);
            const answers = writes();
            await new Promise(resolve => setTimeout(resolve, HELD_MS));
            await locker.query('commit');
            return answers;
          }),
        ),
      ),
    );
  } finally {
    await server?.stop();
    await withClient(serverUrl, async admin => {
      await admin.query(`drop database if exists ${DATABASE} with (force)`);
      await admin.query(`drop role if exists ${LOGIN}`);
    });
  }
}

/** Two tenants with a key each. */
async function prepare(serverUrl: string, adminUrl: string): Promise<Tenant[]> {
  await withClient(serverUrl, async admin => {
    if ((await commentOf(admin, DATABASE, OURS)) !== undefined)
      await admin.query(`drop database ${DATABASE} with (force)`);
    await admin.query(`create database ${DATABASE}`);
    await admin.query(`comment on database ${DATABASE} is '${OURS}: fairness'`);
  });
  await migrate(adminUrl);
  return withClient(adminUrl, async admin => {
    await makeLogin(admin, LOGIN, LOGIN);
    return [await tenant(admin), await tenant(admin)];
  });
}

async function tenant(admin: Client): Promise<Tenant> {
  const id = v7();
  const { secret, prefix, hash } = newKey();
  await admin.query(`insert into tenants (id, name) values ($1, 'Bench')`, [id]);
  await admin.query(
    'insert into api_keys (tenant_id, name, key_prefix, key_hash, scopes, ' +
      "rate_limit_rpm) values ($1, 'Bench', $2, $3, '{read,write}', 2000000000)",
    [id, prefix, hash],
  );
  return { id, key: secret };
}

/**
 * How long each of the other tenant's requests took meanwhile, in milliseconds, and how they and
 * the work ended.
 */
interface WaitTimes {
  readonly ms: number[];
  readonly refused: number;
  readonly seconds: number;
  readonly workRefused: number;
}

async function measureWaits(
  url: string,
  key: string,
  work: () => Promise<number[]>,
): Promise<WaitTimes> {
  const ms: number[] = [];
  let refused = 0;
  const over = new AbortController();
  const began = performance.now();
  const working = work().finally(() => over.abort());
  working.catch(() => {});
  while (!over.signal.aborted) {
    const start = performance.now();
    if ((await ask(url, key, VIEWER)) !== 200) refused += 1;
    ms.push(performance.now() - start);
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
  }
  const statuses = await working;
  return {
    ms: ms.toSorted((one, two) => one - two),
    refused,
    seconds: (performance.now() - began) / 1_000,
    workRefused: statuses.filter(status => status !== 200).length,
  };
}

async function ask(url: string, key: string, query: string, variables = {}): Promise<number> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  await response.text();
  return response.status;
}

function row(label: string, { ms, refused, seconds, workRefused }: WaitTimes): string {
  const at = (share: number): string =>
    ms[Math.min(ms.length - 1, Math.floor(ms.length * share))]!.toFixed(0);
  return (
    `beside ${label} (${seconds.toFixed(1)} s, ${workRefused} refused): ${ms.length} ` +
    `requests, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms, ${refused} refused`
  );
}
