import { machineText, median, writeSection } from '../shared/report-text.js';
import type { StatementCounts } from '../shared/server-watch.js';
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
  readonly memory: readonly {
    readonly name: string;
    readonly now: number | undefined;
    readonly peak: number | undefined;
  }[];
}

/**
 * The measurements as Markdown. A ratio is the median of the rounds' ratios to the other server of
 * the same round.
 */
export function report(measurements: readonly Measurement[], facts?: Facts): string {
  const lines = [
    '| | Connections | Server | Requests/s | p50 ms | p99 ms | CPU ms, Node | CPU ms, ' +
      `PostgreSQL | Of the floor | Of ${RIVAL} |`,
    '|---|---:|---|---:|---:|---:|---:|---:|---:|---:|',
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
  return servers.map(({ name, role, samples }, index) => {
    const of = (value: (sample: Sample) => number | undefined): number | undefined =>
      median(samples.map(value));
    const ratioTo = (other: MeasuredServer | undefined): string =>
      other && other.name !== name && role !== 'floor'
        ? digits(
            median(
              samples.map((sample, round) => sample.perSecond / other.samples[round]!.perSecond),
            ),
            2,
          )
        : '';
    const emphasis = role === 'gateway' ? '**' : '';
    const cells = [
      index === 0 ? workload.name : '',
      index === 0 ? String(connections) : '',
      name === floor.name ? `${name} (floor)` : name,
      digits(
        of(sample => sample.perSecond),
        0,
      ),
      digits(
        of(sample => sample.p50Ms),
        2,
      ),
      digits(
        of(sample => sample.p99Ms),
        2,
      ),
      digits(
        of(sample => sample.nodeMs),
        3,
      ),
      digits(
        of(sample => sample.postgresMs),
        3,
      ),
      ...[ratioTo(floor), ratioTo(rival)].map(ratio =>
        ratio ? `${emphasis}${ratio}${emphasis}` : '',
      ),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

/** Puts the report between its marks in `docs/performance.md`. */
export function writeReport(measurements: readonly Measurement[], facts: Facts): void {
  const workloads = new Map(measurements.map(({ workload }) => [workload.name, workload.what]));
  const text = [
    `${machineText(facts.postgres)}; all of it, the clients included, on one machine.`,
    `${facts.rounds} rounds of ${facts.seconds} s; medians.`,
    '',
    ...Array.from(workloads, ([name, what]) => `- **${name}** ${what}`),
    '',
    report(measurements, facts),
  ].join('\n');
  writeSection('performance.md', 'navigation', text);
}

function betterFloor(servers: readonly MeasuredServer[]): MeasuredServer {
  const perSecond = ({ samples }: MeasuredServer): number =>
    median(samples.map(sample => sample.perSecond))!;
  return servers
    .filter(({ role }) => role === 'floor')
    .reduce((best, floor) => (perSecond(floor) > perSecond(best) ? floor : best));
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
