import { machineText, median, writeSection } from '../shared/report-text.js';
import type { ReadName } from '../navigation/read-workloads.js';
import type { GrowthDatabase } from './data-set.js';
import type { StatementPages } from './statement-pages.js';

/** One gateway in one round. */
export interface Sample {
  readonly perSecond: number;
  /** CPU for each request; undefined where the system does not tell. */
  readonly nodeMs: number | undefined;
  readonly postgresMs: number | undefined;
}

interface Measured {
  readonly samples: readonly Sample[];
  readonly statements: readonly StatementPages[];
}

export interface Measurement {
  readonly workload: ReadName;
  readonly what: string;
  readonly small: Measured;
  readonly large: Measured;
}

export interface Facts {
  readonly postgres: string;
  readonly databases: readonly GrowthDatabase[];
  readonly connections: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** By how much the large database's cost may differ. */
const MOST = 1.2;

export function report(measurements: readonly Measurement[], { databases }: Facts): string {
  const [small, large] = databases.map(
    ({ tenants, chunks }) => `${grouped(tenants)} tenants, ${grouped(chunks)} chunks`,
  );
  return [
    `| | Cost of a request | ${small} | ${large} | Ratio | Within 20 % |`,
    '|---|---|---:|---:|---:|---|',
    ...measurements.flatMap(costRows),
    '',
    '| | Statement | Pages, small | Pages, large | Index |',
    '|---|---|---:|---:|---|',
    ...measurements.flatMap(statementRows),
  ].join('\n');
}

function costRows({ workload, small, large }: Measurement): string[] {
  const timed = (
    name: string,
    of: (sample: Sample) => number | undefined,
    digits: number,
  ): string[] => {
    const ratios = large.samples.map((sample, round) =>
      dividedBy(of(sample), of(small.samples[round]!)),
    );
    return row(
      name,
      median(small.samples.map(of)),
      median(large.samples.map(of)),
      median(ratios),
      digits,
    );
  };
  const row = (
    name: string,
    before: number | undefined,
    after: number | undefined,
    ratio: number | undefined,
    digits: number,
  ): string[] => {
    const cells = [
      name,
      fixed(before, digits),
      fixed(after, digits),
      fixed(ratio, 2),
      ratio === undefined ? 'unknown' : ratio <= MOST ? 'yes' : '**no**',
    ];
    return [`| ${cells.join(' | ')} |`];
  };
  const [before, after] = [pagesOf(small), pagesOf(large)];
  const rows = [
    ...timed('time, ms', ({ perSecond }) => 1_000 / perSecond, 3),
    ...timed('CPU of the gateway, ms', ({ nodeMs }) => nodeMs, 3),
    ...timed('CPU of PostgreSQL, ms', ({ postgresMs }) => postgresMs, 3),
    ...row("PostgreSQL's pages", before, after, after / before, 0),
  ];
  return rows.map((line, index) => `| ${index === 0 ? workload : ''} ${line}`);
}

function statementRows({ workload, small, large }: Measurement): string[] {
  return small.statements.map(({ name, pages }, index) => {
    const { pages: after, indexes } = large.statements[index]!;
    return (
      `| ${index === 0 ? workload : ''} | \`${name}\` | ${pages} | ${after} | ` +
      `${indexes.map(one => `\`${one}\``).join(', ')} |`
    );
  });
}

/** Puts the report between its marks in `docs/performance.md`. */
export function writeReport(measurements: readonly Measurement[], facts: Facts): void {
  const { postgres, databases, connections, rounds, seconds } = facts;
  const text = [
    `${machineText(postgres)}; all of it, the clients included, on one machine.`,
    `${rounds} rounds of ${seconds} s with ${connections} connections, ` +
      (`${databases[0]!.askedTenants.length} tenants in turns; medians, and of the ` +
        "rounds' ratios. ") +
      'Pages of one of these tenants, by `explain (analyze, buffers)`.',
    '',
    ...measurements.map(({ workload, what }) => `- **${workload}** ${what}`),
    '',
    report(measurements, facts),
  ].join('\n');
  writeSection('performance.md', 'growth', text);
}

function pagesOf({ statements }: Measured): number {
  return statements.reduce((sum, { pages }) => sum + pages, 0);
}

function dividedBy(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined || by === 0 ? undefined : value / by;
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toFixed(digits);
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
