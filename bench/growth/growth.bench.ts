import { Command, Option } from 'commander';
import { DEFINITIONS, type ReadName } from '../navigation/read-workloads.js';
import { graphqlRequest, type HttpRequest } from '../shared/http-request.js';
import {
  cpuMs,
  startGateway,
  startLoadGenerator,
  type LoadGenerator,
  type Server,
} from '../shared/processes.js';
import { toNumber } from '../shared/options.js';
import { between, ServerWatch } from '../shared/server-watch.js';
import { prepareDatabases, removeDatabases, type GrowthDatabase } from './data-set.js';
import { report, writeReport, type Facts, type Measurement, type Sample } from './report.js';
import { pagesOfStatements } from './statement-pages.js';

const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';
/** W5 is the operator's, over all tenants. */
const WORKLOADS = ['W1', 'W2', 'W3', 'W4'] as const satisfies ReadName[];

interface Options {
  databaseUrl: string;
  scale: number;
  keep: boolean;
  write: boolean;
  connections: number;
  rounds: number;
  seconds: number;
  warmup: number;
}

export function growthCommand(): Command {
  return new Command('growth')
    .description(
      `Measures whether a tenant's requests cost the same when the others become more: the same
tenants in a database of 50 tenants and 30,000 chunks, and in one of 2,000 and 300,000. A
gateway runs on each, and rounds take turns, so that a noisy machine is noisy for both.

Makes the databases weaver_bench_growth_small and weaver_bench_growth_large and the login
weaver_bench_growth_gateway, and drops them afterwards. At full size they need 3 GB of disk.
Build the gateway first: npm run build.`,
    )
    .requiredOption(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .addOption(
      new Option('--scale <number>', 'size of the data, 1 for all of it; 0.05 is a try')
        .argParser(toNumber)
        .default(1),
    )
    .option(
      '--keep',
      'leave the databases for the next run, and use those that an earlier run of the ' +
        'same size left',
      false,
    )
    .option('--write', 'put the result into docs/performance.md', false)
    .addOption(
      new Option('--connections <number>', 'clients at the same time')
        .argParser(toNumber)
        .default(4),
    )
    .addOption(
      new Option('--rounds <number>', 'rounds of each gateway').argParser(toNumber).default(7),
    )
    .addOption(new Option('--seconds <number>', 'length of a round').argParser(toNumber).default(2))
    .addOption(
      new Option('--warmup <number>', 'seconds before the first round of each gateway')
        .argParser(toNumber)
        .default(2),
    )
    .action((options: Options) => benchGrowth(options));
}

const log = (line: string): void => void process.stderr.write(`${line}\n`);

/** A database with the gateway on it. */
interface Side {
  readonly database: GrowthDatabase;
  readonly server: Server;
  readonly watch: ServerWatch;
}

async function benchGrowth(options: Options): Promise<void> {
  const databases = await prepareDatabases(
    options.databaseUrl,
    { scale: options.scale, reuse: options.keep },
    log,
  );
  const sides: Side[] = [];
  let load: LoadGenerator | undefined;
  try {
    log('Looking at the statements ...');
    const pages = [];
    for (const database of databases)
      pages.push(
        await pagesOfStatements(
          database.gatewayUrl,
          WORKLOADS.map(
            name => requestsOf(name, database)[Math.floor(database.askedTenants.length / 2)]!,
          ),
        ),
      );
    for (const database of databases) {
      sides.push({
        database,
        server: await startGateway(database.name, database.gatewayUrl, OPERATOR_TOKEN),
        watch: await ServerWatch.open(database.adminUrl),
      });
    }
    load = await startLoadGenerator();
    const measurements: Measurement[] = [];
    for (const [index, workload] of WORKLOADS.entries()) {
      log(`Measuring ${workload} ...`);
      const [small, large] = await measure(workload, sides, load, options);
      const { what } = DEFINITIONS[workload];
      measurements.push({
        workload,
        what,
        small: { samples: small!, statements: pages[0]![index]! },
        large: { samples: large!, statements: pages[1]![index]! },
      });
    }
    const facts: Facts = { postgres: await sides[0]!.watch.version(), databases, ...options };
    console.log(report(measurements, facts));
    if (options.write) writeReport(measurements, facts);
  } finally {
    await load?.stop();
    for (const { server, watch } of sides) await Promise.all([server.stop(), watch.close()]);
    if (!options.keep) await removeDatabases(options.databaseUrl);
  }
}

/** Samples of both sides, in turns. */
async function measure(
  workload: ReadName,
  sides: readonly Side[],
  load: LoadGenerator,
  { connections, rounds, seconds, warmup }: Options,
): Promise<Sample[][]> {
  const requests = sides.map(({ database }) => requestsOf(workload, database));
  const lengths = await sameAnswers(
    sides.map(({ server }) => server),
    requests,
  );
  const samples: Sample[][] = sides.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    // Who is first changes with each round.
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const index of order) {
      const { server, watch } = sides[index]!;
      const before = { node: cpuMs(server.pid), postgres: await watch.cpu() };
      const result = await load.run({
        url: server.url,
        requests: requests[index]!,
        lengths,
        connections,
        seconds: round < 0 ? warmup : seconds,
      });
      const node = cpuMs(server.pid);
      const postgres = between(before.postgres, await watch.cpu());
      if (round < 0) continue;
      samples[index]!.push({
        perSecond: result.requests / result.seconds,
        nodeMs:
          node === undefined || before.node === undefined
            ? undefined
            : (node - before.node) / result.requests,
        postgresMs: postgres === undefined ? undefined : postgres / result.requests,
      });
    }
  }
  return samples;
}

function requestsOf(workload: ReadName, { askedTenants }: GrowthDatabase): HttpRequest[] {
  const { query, variables } = DEFINITIONS[workload];
  return askedTenants.map(tenant =>
    graphqlRequest(query, variables({ ...tenant, words: '' }), {
      authorization: `Bearer ${tenant.apiKey}`,
    }),
  );
}

/** The lengths of the answers. Throws where the databases do not give the same ones. */
async function sameAnswers(
  servers: readonly Server[],
  requests: readonly (readonly HttpRequest[])[],
): Promise<number[]> {
  const lengths: number[] = [];
  for (const index of requests[0]!.keys()) {
    const [small, large] = await Promise.all(
      servers.map(async ({ url }, side) => {
        const { path, headers, body } = requests[side]![index]!;
        return (await fetch(url + path, { method: 'POST', headers, body })).text();
      }),
    );
    if (small !== large || small!.includes('"errors"'))
      throw new Error(
        `The gateways do not give the same answer: ${small!.slice(0, 300)} and ` +
          `${large!.slice(0, 300)}`,
      );
    lengths.push(Buffer.byteLength(small!));
  }
  return lengths;
}
