import { machineText, median, writeSection } from '../shared/report-text.js';
import type { StatementCounts } from '../shared/server-watch.js';
import { GOALS } from './goals.js';
import { RIVAL, type ServerRole } from './servers.js';
import type { Workload } from './workloads.js';

/** One server in one round. */
export interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /**
   * CPU for each request, of the Node process and of all of PostgreSQL's; undefined where the
   * system does not tell.
   */
  readonly nodeMs: number | undefined;
  readonly postgresMs: number | undefined;
}

interface MeasuredServer {
  readonly name: string;
  readonly role: ServerRole;
  readonly samples: readonly Sample[];
}

export interface Measurement {
  readonly workload: Workload;
  readonly connections: number;
  /** Of each as many samples as there were rounds. */
  readonly servers: readonly MeasuredServer[];
  readonly statements: StatementCounts | undefined;
}

/** What holds for the whole run. */
export interface Facts {
  readonly postgres: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly memory: readonly {
    readonly name: string;
    readonly now: number | undefined;
    readonly peak: number | undefined;
  }[];
}

/**
 * The measurements as Markdown. A ratio is the median of the rounds' ratios to the other server of
 * the same round; of CPU it is the other server's, Node and PostgreSQL together, to this one's.
 * "A/A" is the least and the greatest ratio of the gateway to the gateway.
 */
export function report(measurements: readonly Measurement[], facts?: Facts): string {
  const lines = [
    '| | Connections | Server | Requests/s | p50 ms | p99 ms | CPU ms, Node | CPU ms, ' +
      `PostgreSQL | Of the floor | CPU | Of ${RIVAL} | CPU | A/A |`,
    '|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|',
  ];
  for (const measurement of measurements) lines.push(...rowsOf(measurement));
  if (facts) {
    lines.push('', `Statements for each request of Weaver: ${statementsOf(measurements)}.`);
    const memory = facts.memory.map(
      ({ name, now, peak }) => `${name} ${digits(now, 0)} MB (${digits(peak, 0)})`,
    );
    lines.push(`Memory at the end (and at most): ${memory.join('; ')}.`);
  }
  return lines.join('\n');
}

function rowsOf({ workload, connections, servers }: Measurement): string[] {
  const floor = betterFloor(servers);
  const rival = servers.find(({ name }) => name === RIVAL);
  return servers
    .filter(({ role }) => role !== 'control')
    .map((server, index) => {
      const { name, role, samples } = server;
      const of = (value: (sample: Sample) => number | undefined, count: number): string =>
        digits(median(samples.map(value)), count);
      const ratiosTo = (other: MeasuredServer | undefined): string[] =>
        other && other.name !== name && role !== 'floor'
          ? [ratio(server, other), cpuRatio(server, other)].map(value => {
              const emphasis = role === 'gateway' ? '**' : '';
              return `${emphasis}${digits(value, 2)}${emphasis}`;
            })
          : ['', ''];
      const cells = [
        index === 0 ? workload.name : '',
        index === 0 ? String(connections) : '',
        name === floor?.name ? `${name} (floor)` : name,
        of(sample => sample.perSecond, 0),
        of(sample => sample.p50Ms, 2),
        of(sample => sample.p99Ms, 2),
        of(sample => sample.nodeMs, 3),
        of(sample => sample.postgresMs, 3),
        ...ratiosTo(floor),
        ...ratiosTo(rival),
        index === 0 ? spread(servers) : '',
      ];
      return `| ${cells.join(' | ')} |`;
    });
}

function ratio(server: MeasuredServer, other: MeasuredServer): number | undefined {
  return median(
    server.samples.map((sample, round) => sample.perSecond / other.samples[round]!.perSecond),
  );
}

function cpuRatio(server: MeasuredServer, other: MeasuredServer): number | undefined {
  const cpu = ({ nodeMs, postgresMs }: Sample): number => nodeMs! + postgresMs!;
  const ratios = server.samples.map((sample, round) => cpu(other.samples[round]!) / cpu(sample));
  return median(ratios.map(value => (Number.isNaN(value) ? undefined : value)));
}

/** How far the gateway may differ from itself for a ratio to mean something. */
const MOST_SPREAD = 1.25;

/** By how much the gateway differs from itself. */
function selfRatios(servers: readonly MeasuredServer[]): number[] {
  const [gateway] = servers;
  const control = servers.find(({ role }) => role === 'control');
  return (control?.samples ?? []).map(
    (sample, round) => sample.perSecond / gateway!.samples[round]!.perSecond,
  );
}

function spread(servers: readonly MeasuredServer[]): string {
  const ratios = selfRatios(servers);
  if (ratios.length === 0) return '';
  return `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
}

/** What is reached and what is not, in a line for each workload. */
export function summary(measurements: readonly Measurement[]): string {
  const lines = [
    `| | Connections | Of ${RIVAL} | CPU | Goal | Of the floor | CPU | Goal | A/A | Reached |`,
    '|---|---:|---:|---:|---:|---:|---:|---:|---|---|',
  ];
  for (const { workload, connections, servers } of measurements) {
    const [gateway] = servers;
    const place = connections > 1 ? 0 : 1;
    const compared = [
      { other: servers.find(({ name }) => name === RIVAL), goals: GOALS[workload.name].ofRival },
      { other: betterFloor(servers), goals: GOALS[workload.name].ofFloor },
    ].map(({ other, goals }) => ({
      ratio: other && ratio(gateway!, other),
      cpu: other && cpuRatio(gateway!, other),
      goal: goals?.[place],
    }));
    const isReached = compared.every(
      ({ ratio: value, goal }) => goal === undefined || (value !== undefined && value >= goal),
    );
    const isSteady = selfRatios(servers).every(
      value => value <= MOST_SPREAD && value >= 1 / MOST_SPREAD,
    );
    const cells = [
      workload.name,
      String(connections),
      ...compared.flatMap(({ ratio: value, cpu, goal }) =>
        value === undefined
          ? ['', '', '']
          : [`**${digits(value, 2)}**`, digits(cpu, 2), goal === undefined ? '' : String(goal)],
      ),
      spread(servers),
      isSteady ? (isReached ? 'yes' : 'no') : 'uncertain',
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** Puts both tables between their marks in `docs/performance.md`. */
export function writeReport(measurements: readonly Measurement[], facts: Facts): void {
  const workloads = new Map(measurements.map(({ workload }) => [workload.name, workload.what]));
  const how =
    `${machineText(facts.postgres)}; all of it, the clients included, on one machine. ` +
    `${facts.rounds} rounds of ${facts.seconds} s after ${facts.warmup} s of warm-up; medians.`;
  writeSection('performance.md', 'navigation', `${how}\n\n${summary(measurements)}`);
  const text = [
    ...Array.from(workloads, ([name, what]) => `- **${name}** ${what}`),
    '',
    report(measurements, facts),
  ].join('\n');
  writeSection('performance.md', 'navigation', text, 'servers');
}

function betterFloor(servers: readonly MeasuredServer[]): MeasuredServer | undefined {
  const perSecond = ({ samples }: MeasuredServer): number =>
    median(samples.map(sample => sample.perSecond))!;
  return servers
    .filter(({ role }) => role === 'floor')
    .toSorted((one, other) => perSecond(other) - perSecond(one))[0];
}

function statementsOf(measurements: readonly Measurement[]): string {
  const byWorkload = new Map(
    measurements.map(({ workload, statements }) => [workload.name, statements]),
  );
  return (
    Array.from(
      byWorkload,
      ([name, counts]) =>
        `${name} ${counts ? `${digits(counts.reads, 1)} + ${digits(counts.scope, 1)}` : 'unknown'}`,
    ).join(', ') +
    ' (reads, the look-up of the key among them, and what opens, sets up and closes transactions)'
  );
}

function digits(value: number | undefined, count: number): string {
  return value === undefined ? '—' : value.toFixed(count);
}
