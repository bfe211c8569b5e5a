import { Command, Option } from 'commander';
import { withClient } from '../shared/database.js';
import type { HttpRequest } from '../shared/http-request.js';
import {
  cpuMs,
  startGateway,
  startLoadGenerator,
  type LoadGenerator,
  type Server,
} from '../shared/processes.js';
import { toNumber } from '../shared/options.js';
import { ServerWatch } from '../shared/server-watch.js';
import type { TenantClass } from './classes.js';
import { openContenders, ORIGINAL, OURS, REPAIRED, type Contender } from './contenders.js';
import { prepareDataSet, removeDataSet, type DataSet } from './data-set.js';
import { measureInserts } from './inserts.js';
import { FILTERS, questionsOf, TRUTH, type Question } from './questions.js';
import {
  GRAPHQL,
  report,
  writeReport,
  type ClassResult,
  type FilterResult,
  type Results,
  type Sample,
} from './report.js';
import { relationSizes } from './sizes.js';
import { measureQuality, timeRound, type Quality } from './sql-rounds.js';

const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';
const TOP_K = 10;
/** Those whose answers are looked at; the exact ones are what the truth was made by. */
const JUDGED_HITS: readonly string[] = [ORIGINAL, REPAIRED, OURS];
const FILTER_SECONDS = 1;
/**
 * A gateway that was idle while the others had their turns takes more CPU for its first requests
 * than a busy one.
 */
const WARMUP_SECONDS = 1;
const FULL_QUESTIONS = 500;
const LEAST_QUESTIONS = 40;

interface Options {
  databaseUrl: string;
  scale: number;
  questions?: number;
  keep: boolean;
  write: boolean;
  connections: number;
  rounds: number;
  seconds: number;
  classes?: string[];
}

export function searchCommand(): Command {
  return new Command('search')
    .description(
      `Measures the search by vector, for tenants of 10 to 50,000 chunks side by side in one
table: recall, answers that are short, throughput and latency of the usual pgvector query, the
same with what repairs it, exact scans, and the gateway by SQL and over HTTP, with permissions
and both walls. Ways take turns, so that a noisy machine is noisy for all of them. Inserts and
sizes follow.

Makes the database weaver_bench_search and the login weaver_bench_search_gateway, and drops both
afterwards. At full size it needs 6 GB of disk and some 15 minutes before it measures, and the
server should have shared_buffers of several GB. Build the gateway first: npm run build.`,
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
    .addOption(
      new Option(
        '--questions <number>',
        'questions for each size of tenant (500 at full size)',
      ).argParser(toNumber),
    )
    .option(
      '--keep',
      'leave the database for the next run, and go on with what an earlier run of the ' +
        'same size left',
      false,
    )
    .option('--write', 'put the result into docs/search.md', false)
    .addOption(
      new Option('--classes <names>', 'only these, such as M1k,L50k').argParser((text: string) =>
        text.split(','),
      ),
    )
    .addOption(
      new Option('--connections <number>', 'questions at the same time')
        .argParser(toNumber)
        .default(4),
    )
    .addOption(new Option('--rounds <number>', 'rounds of each way').argParser(toNumber).default(3))
    .addOption(new Option('--seconds <number>', 'length of a round').argParser(toNumber).default(2))
    .action((options: Options) => benchSearch(options));
}

const log = (line: string): void => void process.stderr.write(`${line}\n`);

async function benchSearch(options: Options): Promise<void> {
  const { databaseUrl, scale, keep, connections } = options;
  const questions =
    options.questions ?? Math.max(LEAST_QUESTIONS, Math.round(FULL_QUESTIONS * scale));
  const dataSet = await prepareDataSet(databaseUrl, { scale, questions, reuse: keep }, log);
  const watch = await ServerWatch.open(dataSet.adminUrl);
  const contenders: Contender[] = [];
  let server: Server | undefined;
  let load: LoadGenerator | undefined;
  try {
    contenders.push(...(await openContenders(dataSet.adminUrl, dataSet.gatewayUrl, connections)));
    server = await startGateway('Weaver', dataSet.gatewayUrl, OPERATOR_TOKEN);
    load = await startLoadGenerator();
    const stage: Stage = { dataSet, contenders, server, load, options };
    const classes: ClassResult[] = [];
    for (const tenantClass of dataSet.classes) {
      if (options.classes && !options.classes.includes(tenantClass.name)) continue;
      log(`Measuring ${tenantClass.name} ...`);
      classes.push(await measureClass(tenantClass, stage));
    }
    log('Measuring inserts ...');
    const indexed = await withClient(dataSet.adminUrl, client =>
      questionsOf(client, dataSet.classes.at(-1)!.name, 'none'),
    );
    const inserts = await measureInserts(
      dataSet.adminUrl,
      dataSet.gatewayUrl,
      indexed[0]!.tenantId,
      options.rounds,
    );
    const results: Results = {
      classes,
      inserts,
      sizes: await withClient(dataSet.adminUrl, relationSizes),
      facts: {
        postgres: await watch.version(),
        scale,
        questions,
        connections,
        rounds: options.rounds,
        seconds: options.seconds,
      },
    };
    console.log(report(results));
    if (options.write) writeReport(results);
  } finally {
    await load?.stop();
    await server?.stop();
    await Promise.all(contenders.map(contender => contender.close()));
    await watch.close();
    if (!keep) await removeDataSet(databaseUrl);
  }
}

interface Stage {
  readonly dataSet: DataSet;
  readonly contenders: readonly Contender[];
  readonly server: Server;
  readonly load: LoadGenerator;
  readonly options: Options;
}

/** One size of tenant: what is found, by everyone's own time, and then how fast, in turns. */
async function measureClass(tenantClass: TenantClass, stage: Stage): Promise<ClassResult> {
  const { dataSet, contenders, server, load, options } = stage;
  const questions = await withClient(dataSet.adminUrl, client =>
    questionsOf(client, tenantClass.name, 'none'),
  );
  const quality = new Map<string, { at10: Quality; at50: Quality }>();
  for (const contender of contenders.filter(({ name }) => JUDGED_HITS.includes(name))) {
    quality.set(contender.name, {
      at10: await measureQuality(
        question => contender.search(0, question, TOP_K),
        questions,
        TOP_K,
      ),
      at50: await measureQuality(
        question => contender.search(0, question, TRUTH),
        questions,
        TRUTH,
      ),
    });
  }
  const http = questions.map(question => ({
    question,
    request: requestOf(question, TOP_K, dataSet.keys.get(question.tenantId)!),
  }));
  const lengths: number[] = [];
  const paths = new Map<string, number>();
  quality.set(GRAPHQL, {
    at10: await measureQuality(
      async () => {
        const answer = await askGateway(server.url, http[lengths.length]!.request);
        lengths.push(answer.length);
        paths.set(answer.path, (paths.get(answer.path) ?? 0) + 1);
        return answer.ids;
      },
      questions,
      TOP_K,
    ),
    at50: await measureQuality(
      async question =>
        (
          await askGateway(
            server.url,
            requestOf(question, TRUTH, dataSet.keys.get(question.tenantId)!),
          )
        ).ids,
      questions,
      TRUTH,
    ),
  });

  const samples = new Map<string, Sample[]>();
  const note = (name: string, sample: Sample): void =>
    void samples.set(name, [...(samples.get(name) ?? []), sample]);
  for (let round = -1; round < options.rounds; round += 1) {
    // The first round only warms up.
    const seconds = round < 0 ? Math.min(0.5, options.seconds) : options.seconds;
    for (const contender of contenders) {
      const timing = await timeRound(contender, questions, {
        connections: options.connections,
        seconds,
        topK: TOP_K,
      });
      if (round >= 0) note(contender.name, { ...timing, nodeMs: undefined });
    }
    const requests = http.map(({ request }) => request);
    await load.run({
      url: server.url,
      requests,
      lengths,
      connections: options.connections,
      seconds: WARMUP_SECONDS,
    });
    const before = cpuMs(server.pid);
    const result = await load.run({
      url: server.url,
      requests,
      lengths,
      connections: options.connections,
      seconds,
    });
    const after = cpuMs(server.pid);
    const nodeMs =
      before === undefined || after === undefined ? undefined : (after - before) / result.requests;
    if (round >= 0)
      note(GRAPHQL, {
        perSecond: result.requests / result.seconds,
        p50Ms: result.p50Ms,
        p99Ms: result.p99Ms,
        nodeMs,
      });
  }
  return {
    tenantClass,
    quality,
    samples,
    paths,
    filters: await measureFilters(tenantClass, stage),
  };
}

/** The same with each filter, of the original and the gateway's statements. */
async function measureFilters(
  { name }: TenantClass,
  { dataSet, contenders, options }: Stage,
): Promise<FilterResult[]> {
  const results: FilterResult[] = [];
  for (const filter of FILTERS.filter(one => one !== 'none')) {
    const questions = await withClient(dataSet.adminUrl, client =>
      questionsOf(client, name, filter),
    );
    const ways = [];
    for (const contender of contenders.filter(one => one.name === ORIGINAL || one.name === OURS)) {
      const quality = await measureQuality(
        question => contender.search(0, question, TOP_K),
        questions,
        TOP_K,
      );
      ways.push({
        name: contender.name,
        quality,
        timing: await timeRound(contender, questions, {
          connections: options.connections,
          seconds: FILTER_SECONDS,
          topK: TOP_K,
        }),
      });
    }
    results.push({ filter, ways });
  }
  return results;
}

const SEARCH = `query Search($embedding: Vector!, $topK: Int!) {
  searchChunks(input: { embedding: $embedding, topK: $topK }) {
    hits { similarity chunk { id text document { filename } bot { name } } }
    completeness { path }
  }
}`;

function requestOf({ vector }: Question, topK: number, key: string): HttpRequest {
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: SEARCH, variables: { embedding: vector, topK } }),
  };
}

async function askGateway(
  url: string,
  { path, headers, body }: HttpRequest,
): Promise<{ ids: string[]; path: string; length: number }> {
  const response = await fetch(url + path, { method: 'POST', headers, body });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as {
    data: { searchChunks: { hits: { chunk: { id: string } }[]; completeness: { path: string } } };
    errors?: unknown;
  };
  if (errors) throw new Error(`The gateway answered ${text.slice(0, 500)}`);
  return {
    ids: data.searchChunks.hits.map(hit => hit.chunk.id),
    path: data.searchChunks.completeness.path,
    length: Buffer.byteLength(text),
  };
}
