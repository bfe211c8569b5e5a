import 'reflect-metadata';
import { Command, Option } from 'commander';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { startGateway } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { Database } from '../../src/db/database.js';
import { enterScopeSql, tenantScope } from '../../src/db/database-scope.js';
import { ENTITIES } from '../../src/entities.js';
import { createLogger } from '../../src/observability/logger.js';
import { commentOf, makeLogin, migrate, newKeys, urlOf, withClient } from '../shared/database.js';
import { graphqlRequest } from '../shared/http-request.js';
import { toNumber } from '../shared/options.js';
import { machineText, median, writeSection } from '../shared/report-text.js';
import { sentStatements, type SentStatement } from '../shared/sent-statements.js';
import { ServerWatch } from '../shared/server-watch.js';
import { CHUNKS_OF_DOCUMENT, fillTenants } from '../shared/tenants-data.js';

const DATABASE = 'weaver_bench_large_tenants';
const LOGIN = 'weaver_bench_large_tenants_gateway';
const OURS = 'Weaver bench';
const COMPLETE = `${OURS}: large tenants 1`;
const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';

/** Their average is large, and a plan for any tenant knows only that. */
const CHUNKS = [5_000, 20_000, 50_000];
/** Others have some of their vectors again, since to make vectors takes longest. */
const OWN_VECTORS = 20_000;

/** What keeps the scan of codes in one process (`src/search/paths/codes-path.ts`). */
const IN_ONE_PROCESS = ' and pg_backend_pid() > 0';

const SEARCH = `query ($input: SearchChunksInput!) {
  searchChunks(input: $input) { hits { similarity chunk { id text } } completeness { path } }
}`;

interface Options {
  databaseUrl: string;
  keep: boolean;
  write: boolean;
  connections: number;
  rounds: number;
  seconds: number;
}

export function largeTenantsCommand(): Command {
  return new Command('large-tenants')
    .description(
      `Measures scans of codes where tenants have ${CHUNKS.reduce((a, b) => a + b) / CHUNKS.length}
chunks on average: the gateway's own statement, which stays in one process, and the same without
what keeps it there, for which PostgreSQL may start parallel workers. Takes two minutes.

Makes the database ${DATABASE} and the login ${LOGIN},
and drops both afterwards.`,
    )
    .requiredOption(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .option(
      '--keep',
      'leave the database for the next run, and use the one of an earlier run',
      false,
    )
    .option('--write', 'put the result into docs/performance.md', false)
    .addOption(
      new Option('--connections <number>', 'searches at the same time')
        .argParser(toNumber)
        .default(4),
    )
    .addOption(
      new Option('--rounds <number>', 'rounds of each statement').argParser(toNumber).default(5),
    )
    .addOption(new Option('--seconds <number>', 'length of a round').argParser(toNumber).default(2))
    .action((options: Options) => benchLargeTenants(options, line => console.log(line)));
}

async function benchLargeTenants(options: Options, print: (line: string) => void): Promise<void> {
  const serverUrl = options.databaseUrl;
  const adminUrl = urlOf(serverUrl, DATABASE);
  const password = v7();
  try {
    await prepare(serverUrl, adminUrl, options.keep, password);
    const gatewayUrl = urlOf(serverUrl, DATABASE, LOGIN, password);
    const lines = [
      '| Chunks | In one process, searches/s | Parallel workers allowed | Ratio |',
      '| ---: | ---: | ---: | ---: |',
    ];
    for (const { chunks, tenantId, statement } of await codesStatements(adminUrl, gatewayUrl)) {
      const free = withoutGuard(statement);
      const rates: [own: number, free: number][] = [];
      const measure = (sent: SentStatement, seconds: number): Promise<number> =>
        perSecond(gatewayUrl, tenantId, sent, { connections: options.connections, seconds });
      for (let round = 0; round < options.rounds; round += 1)
        rates.push([
          await measure(statement, options.seconds),
          await measure(free, options.seconds),
        ]);
      const cells = [
        chunks.toLocaleString('en'),
        median(rates.map(([own]) => own))!.toFixed(0),
        median(rates.map(([, other]) => other))!.toFixed(0),
        `**${median(rates.map(([own, other]) => own / other))!.toFixed(2)}**`,
      ];
      lines.push(`| ${cells.join(' | ')} |`);
      print(lines.at(-1)!);
    }
    const watch = await ServerWatch.open(adminUrl);
    const version = await watch.version().finally(() => watch.close());
    const text = [
      `${machineText(version)}.`,
      `${options.rounds} rounds of ${options.seconds} s, ${options.connections} connections.`,
      '',
      ...lines,
    ].join('\n');
    print(`\n${text}`);
    if (options.write) writeSection('performance.md', 'large-tenants', text);
  } finally {
    if (!options.keep)
      await withClient(serverUrl, async admin => {
        await admin.query(`drop database if exists ${DATABASE} with (force)`);
        await admin.query(`drop role if exists ${LOGIN}`);
      });
  }
}

async function prepare(
  serverUrl: string,
  adminUrl: string,
  reuse: boolean,
  password: string,
): Promise<void> {
  await withClient(serverUrl, async admin => {
    const comment = await commentOf(admin, DATABASE, OURS);
    if (!(reuse && comment === COMPLETE)) {
      if (comment !== undefined) await admin.query(`drop database ${DATABASE} with (force)`);
      await admin.query(`create database ${DATABASE}`);
      await admin.query(`comment on database ${DATABASE} is '${OURS}: incomplete'`);
      await migrate(adminUrl);
      const plans = CHUNKS.map((chunks, number) => ({
        number,
        documents: chunks / CHUNKS_OF_DOCUMENT,
        ownVectors: chunks <= OWN_VECTORS,
      }));
      await withClient(adminUrl, client => fillTenants(client, plans));
      await admin.query(`comment on database ${DATABASE} is '${COMPLETE}'`);
    }
    await makeLogin(admin, LOGIN, password);
  });
}

interface CodesStatement {
  readonly chunks: number;
  readonly tenantId: string;
  readonly statement: SentStatement;
}

/** What the gateway sends for a search of each tenant. */
async function codesStatements(adminUrl: string, gatewayUrl: string): Promise<CodesStatement[]> {
  const tenants = await withClient(adminUrl, async client => {
    const { rows } = await client.query<{ id: string; question: string }>(
      'select id, (select embedding::text from doc_chunks where tenant_id = tenants.id ' +
        'order by id limit 1) as question from tenants order by created_at',
    );
    const keys = await newKeys(
      client,
      rows.map(({ id }) => id),
    );
    return rows.map(({ id, question }, index) => ({
      chunks: CHUNKS[index]!,
      tenantId: id,
      question: JSON.parse(question) as number[],
      key: keys.get(id)!,
    }));
  });
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: gatewayUrl,
    WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
    LOG_LEVEL: 'silent',
  });
  const database = await Database.open(config.database, ENTITIES);
  const gateway = await startGateway({ config, database, log: createLogger('silent') });
  try {
    const found: CodesStatement[] = [];
    for (const { chunks, tenantId, question, key } of tenants) {
      const { path, headers, body } = graphqlRequest(
        SEARCH,
        { input: { embedding: question } },
        { authorization: `Bearer ${key}` },
      );
      const { statements } = await sentStatements(database, async () => {
        const answer = await fetch(gateway.url + path, { method: 'POST', headers, body });
        const text = await answer.text();
        if (answer.status !== 200 || text.includes('"errors"'))
          throw new Error(`The gateway answered ${answer.status}: ${text.slice(0, 500)}`);
      });
      const statement = statements.find(sent => sent.statement.name === 'searchChunks_codes');
      if (!statement) throw new Error(`${chunks} chunks were not searched by their codes.`);
      found.push({ chunks, tenantId, statement });
    }
    return found;
  } finally {
    await gateway.close();
    await database.close();
  }
}

function withoutGuard({ statement, parameters }: SentStatement): SentStatement {
  const text = statement.text.replace(IN_ONE_PROCESS, '');
  if (text === statement.text) throw new Error('Nothing keeps this statement in one process.');
  return { statement: { ...statement, text }, parameters };
}

/** Prepared, and after some runs by the plan for any tenant, as on a connection of the gateway. */
const RUNS_BEFORE_MEASURING = 8;

async function perSecond(
  url: string,
  tenantId: string,
  { statement, parameters }: SentStatement,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<number> {
  const clients = Array.from({ length: connections }, () => new Client({ connectionString: url }));
  const search = { name: statement.name, text: statement.text, values: [...parameters] };
  try {
    for (const client of clients) {
      await client.connect();
      await client.query(`begin read only; ${enterScopeSql(tenantScope(tenantId))}`);
      for (let run = 0; run < RUNS_BEFORE_MEASURING; run += 1) await client.query(search);
    }
    let searches = 0;
    const startedAt = performance.now();
    const deadline = startedAt + seconds * 1_000;
    await Promise.all(
      clients.map(async client => {
        while (performance.now() < deadline) {
          await client.query(search);
          searches += 1;
        }
      }),
    );
    return (searches * 1_000) / (performance.now() - startedAt);
  } finally {
    await Promise.all(clients.map(client => client.end()));
  }
}
