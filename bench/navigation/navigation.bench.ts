import { Command, InvalidArgumentError, Option } from 'commander';
import { cleanDataSet, prepareDataSet, removeDataSet, type DataSet } from './data-set.js';
import { withClient } from '../shared/database.js';
import type { HttpRequest } from '../shared/http-request.js';
import { toNumber } from '../shared/options.js';
import { cpuMs, memoryMb, startLoadGenerator, type LoadGenerator } from '../shared/processes.js';
import {
  report,
  summary,
  writeReport,
  type Facts,
  type Measurement,
  type Sample,
} from './report.js';
import { OPERATOR_TOKEN, SERVERS, startServers, type RunningServer } from './servers.js';
import { between, ServerWatch, type StatementCounts } from '../shared/server-watch.js';
import { verifyAnswers, type Contender } from './verify-answers.js';
import { WORKLOAD_NAMES, workloadsOf, type Workload, type WorkloadName } from './workloads.js';
import { forgetWrites, writtenRows } from './write-workloads.js';

const COUNTED_SECONDS = 0.5;
/** Of writes: as many as a gateway runs at the same time with its ten connections. */
const MOST_WRITES = 8;

interface Options {
  databaseUrl: string;
  keep: boolean;
  write: boolean;
  workloads: WorkloadName[];
  servers: string[];
  workers: number[];
  connections: number[];
  rounds: number;
  seconds: number;
  warmup: number;
}

export function navigationCommand(): Command {
  return new Command('navigation')
    .description(
      `Measures what frontends do, over HTTP: the gateway in production mode with its
permissions and both walls, beside PostGraphile 5 over the same tables (with the same policies,
with the key looked up as well, and without any), Apollo Server with hand-written loaders, and two
hand-written servers that know nothing of GraphQL (one statement whose JSON PostgreSQL makes; one
whose rows Node shapes). The better of those two is the floor that the gateway is compared with;
of writes it is a server with hand-written transactions. The gateway runs a second time: how far
the two differ is what chance does to every ratio. Rounds take turns, so that a noisy machine is
noisy for all of them.

All of it takes about fifty minutes, one workload two to six. Nothing else should use the PostgreSQL
server meanwhile, whose CPU is counted as a whole. Writes are measured with at most ${MOST_WRITES}
connections.

Makes the database weaver_bench with 50 tenants and 30,000 chunks, and the login
weaver_bench_gateway, and drops both afterwards. Build the gateway first: npm run build.`,
    )
    .requiredOption(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .option(
      '--keep',
      'leave the database for the next run, and use the one that an earlier run left',
      false,
    )
    .option('--write', 'put the result into docs/performance.md', false)
    .addOption(
      new Option('--workloads <names>', 'which, separated by commas')
        .argParser(toWorkloads)
        .default([...WORKLOAD_NAMES], WORKLOAD_NAMES.join()),
    )
    .addOption(
      new Option(
        '--servers <names>',
        'which beside the gateway, separated by commas; both floors are always there',
      )
        .argParser(toServers)
        .default([...SERVERS], SERVERS.join()),
    )
    .addOption(
      new Option(
        '--workers <numbers>',
        'gateways with so many processes (WEAVER_WORKERS), separated by commas',
      )
        .argParser(toNumbers)
        .default([1], '1'),
    )
    .addOption(
      new Option('--connections <numbers>', 'clients at the same time, separated by commas')
        .argParser(toNumbers)
        .default([1, 16], '1,16'),
    )
    .addOption(
      new Option('--rounds <number>', 'rounds of each server').argParser(toNumber).default(5),
    )
    .addOption(new Option('--seconds <number>', 'length of a round').argParser(toNumber).default(3))
    .addOption(
      new Option('--warmup <number>', 'seconds before the first round of each server')
        .argParser(toNumber)
        .default(5),
    )
    .action((options: Options) => benchNavigation(options, line => console.log(line)));
}

async function benchNavigation(options: Options, print: (line: string) => void): Promise<void> {
  print('Preparing the data set ...');
  const dataSet = await prepareDataSet(options.databaseUrl, options.keep, line =>
    print(`  ${line}`),
  );
  const watch = await ServerWatch.open(dataSet.adminUrl);
  const servers: RunningServer[] = [];
  let load: LoadGenerator | undefined;
  try {
    await startServers(servers, dataSet, options);
    load = await startLoadGenerator();

    const measurements: Measurement[] = [];
    for (const workload of workloadsOf(dataSet, OPERATOR_TOKEN).filter(({ name }) =>
      options.workloads.includes(name),
    )) {
      measurements.push(
        ...(await measure(workload, { dataSet, servers, load, watch, options, print })),
      );
    }
    const memory = servers.map(({ server: { name, pid } }) => ({ name, ...memoryMb(pid) }));
    const facts: Facts = {
      postgres: await watch.version(),
      rounds: options.rounds,
      seconds: options.seconds,
      warmup: options.warmup,
      memory,
    };
    print(`\n${report(measurements, facts)}\n\n${summary(measurements)}`);
    if (options.write) writeReport(measurements, facts);
  } finally {
    await load?.stop();
    await Promise.all(servers.map(({ server }) => server.stop()));
    await watch.close();
    await (options.keep ? cleanDataSet(dataSet) : removeDataSet(options.databaseUrl));
  }
}

interface Stage {
  readonly dataSet: DataSet;
  readonly servers: readonly RunningServer[];
  readonly load: LoadGenerator;
  readonly watch: ServerWatch;
  readonly options: Options;
  readonly print: (line: string) => void;
}

/**
 * One workload at each number of connections. Throws when the servers do not all give the same
 * data.
 */
async function measure(
  workload: Workload,
  { dataSet, servers, load, watch, options, print }: Stage,
): Promise<Measurement[]> {
  const taking = servers.filter(({ dialect }) => workload.requests[dialect] !== undefined);
  const contenders: Contender[] = [];
  for (const { server, dialect } of taking) {
    const requests = workload.requests[dialect]!;
    const before = workload.before?.[dialect];
    contenders.push({
      server,
      requests: before ? await after(server.url, before, requests) : requests,
    });
  }
  if (workload.isWrite) await verifyWrites(workload.name, contenders, dataSet);
  const lengths = await verifyAnswers(workload.name, contenders, { ignoreIds: workload.isWrite });
  const round = (index: number, connections: number, seconds: number) => {
    const { server, requests } = contenders[index]!;
    return load.run({ url: server.url, requests, lengths: lengths[index]!, connections, seconds });
  };

  const measurements: Measurement[] = [];
  const wanted = options.connections.map(connections =>
    workload.isWrite ? Math.min(connections, MOST_WRITES) : connections,
  );
  for (const connections of new Set(wanted)) {
    for (const index of contenders.keys()) await round(index, connections, options.warmup);
    const samples: Sample[][] = contenders.map(() => []);
    for (let turn = 0; turn < options.rounds; turn += 1) {
      for (const [index, { server }] of contenders.entries()) {
        const before = { node: cpuMs(server.pid), postgres: await watch.cpu() };
        const result = await round(index, connections, options.seconds);
        const node = cpuMs(server.pid);
        const postgres = between(before.postgres, await watch.cpu());
        samples[index]!.push({
          perSecond: result.requests / result.seconds,
          p50Ms: result.p50Ms,
          p99Ms: result.p99Ms,
          nodeMs:
            node === undefined || before.node === undefined
              ? undefined
              : (node - before.node) / result.requests,
          postgresMs: postgres === undefined ? undefined : postgres / result.requests,
        });
      }
    }
    const measurement = {
      workload,
      connections,
      servers: taking.map(({ server: { name }, role }, index) => ({
        name,
        role,
        samples: samples[index]!,
      })),
      statements: await countStatements(round, watch),
    };
    measurements.push(measurement);
    print(`\n${report([measurement])}`);
  }
  if (workload.isWrite) await withClient(dataSet.adminUrl, forgetWrites);
  return measurements;
}

/** The requests with the cursors that the server's answers to `before` end with. */
async function after(
  url: string,
  before: readonly HttpRequest[],
  requests: readonly HttpRequest[],
): Promise<HttpRequest[]> {
  return Promise.all(
    requests.map(async (request, index) => {
      const { method, path, headers, body } = before[index]!;
      const answer = await fetch(url + path, { method, headers, body });
      const cursor = /"endCursor":"([^"]+)"/.exec(await answer.text())?.[1];
      if (cursor === undefined) throw new Error(`${url} gives no cursor.`);
      const { query, variables } = JSON.parse(request.body);
      return {
        ...request,
        body: JSON.stringify({ query, variables: { ...variables, after: cursor } }),
      };
    }),
  );
}

/** Throws where the servers do not store the same. */
async function verifyWrites(
  name: string,
  contenders: readonly Contender[],
  { adminUrl }: DataSet,
): Promise<void> {
  await withClient(adminUrl, async client => {
    let first: string | undefined;
    for (const { server, requests } of contenders) {
      await verifyAnswers(name, [{ server, requests: requests.slice(0, 1) }]);
      const stored = JSON.stringify(await writtenRows(client));
      await forgetWrites(client);
      first ??= stored;
      if (stored !== first)
        throw new Error(
          `${name}: ${server.name} stored something else than the first server:\n` +
            `${first.slice(0, 1_500)}\n${stored.slice(0, 1_500)}`,
        );
    }
  });
}

/** Asked of the gateway alone, one request after another. */
async function countStatements(
  round: (index: number, connections: number, seconds: number) => Promise<{ requests: number }>,
  watch: ServerWatch,
): Promise<StatementCounts | undefined> {
  return watch.statementsDuring(async () => (await round(0, 1, COUNTED_SECONDS)).requests);
}

function toNumbers(text: string): number[] {
  return text.split(',').map(toNumber);
}

function toServers(text: string): string[] {
  return text
    .split(',')
    .filter(Boolean)
    .map(name => {
      if (!SERVERS.includes(name))
        throw new InvalidArgumentError(`It must be among ${SERVERS.join(', ')}.`);
      return name;
    });
}

function toWorkloads(text: string): WorkloadName[] {
  return text.split(',').map(name => {
    const known = WORKLOAD_NAMES.find(workload => workload === name);
    if (!known) throw new InvalidArgumentError(`It must be among ${WORKLOAD_NAMES.join(', ')}.`);
    return known;
  });
}
