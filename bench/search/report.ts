import { machineText, median, writeSection } from '../shared/report-text.js';
import type { TenantClass } from './classes.js';
import {
  EXACT,
  EXACT_HALF,
  EXACT_ORIGINAL,
  FLOOR,
  ORIGINAL,
  OURS,
  REPAIRED,
  STATEMENT,
} from './contenders.js';
import { goalsOf } from './goals.js';
import type { InsertResult } from './inserts.js';
import type { FilterName } from './questions.js';
import type { RelationSize } from './sizes.js';
import type { Quality, Timing } from './sql-rounds.js';

export const GRAPHQL = 'Weaver, GraphQL';

export interface Sample extends Timing {
  /**
   * CPU of the gateway's process for each request; undefined where there is none, or the system
   * does not tell.
   */
  readonly nodeMs: number | undefined;
}

export interface FilterResult {
  readonly filter: FilterName;
  readonly ways: readonly {
    readonly name: string;
    readonly quality: Quality;
    readonly timing: Timing;
  }[];
}

export interface ClassResult {
  readonly tenantClass: TenantClass;
  readonly quality: ReadonlyMap<string, { readonly at10: Quality; readonly at50: Quality }>;
  /** Of each way as many as there were rounds. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  /** How many of the gateway's answers were found along each path. */
  readonly paths: ReadonlyMap<string, number>;
  readonly filters: readonly FilterResult[];
}

export interface Results {
  readonly classes: readonly ClassResult[];
  readonly inserts: readonly InsertResult[];
  readonly sizes: readonly RelationSize[];
  readonly facts: {
    readonly postgres: string;
    readonly scale: number;
    readonly questions: number;
    readonly connections: number;
    readonly rounds: number;
    readonly seconds: number;
  };
}

const WHAT = {
  [FLOOR]: 'what a question over the same connections costs at least',
  [ORIGINAL]:
    '`where tenant_id = … order by embedding <=> …` over one HNSW index (m = 16, ef 64) ' +
    'on `vector(1536)`, as the planner has it',
  [REPAIRED]:
    'the same with `iterative_scan = relaxed_order`, `ef_search = 200` and a better ' +
    'graph (m = 32, ef 128)',
  [EXACT_ORIGINAL]:
    "all of the tenant's vectors in that table, compared by the original's statement",
  [EXACT]: 'the same by a statement that computes each distance once',
  [EXACT_HALF]: "all of the tenant's vectors as Weaver stores them, compared",
  [STATEMENT]:
    'the statement of the gateway alone, sent as the ways above are: no transaction, no ' +
    'role, no second wall',
  [OURS]: 'what the gateway does in the database: path, statement, role, both walls',
  [GRAPHQL]:
    'the gateway in production mode over HTTP, with a key; text, document and bot of each hit',
} as const;
const WAYS = Object.keys(WHAT) as (keyof typeof WHAT)[];

export function report(results: Results): string {
  return [
    speedTable(results),
    '',
    filterTable(results),
    '',
    insertTable(results),
    '',
    sizeTable(results),
    '',
    goalTable(results),
  ].join('\n');
}

function speedTable({ classes }: Results): string {
  const lines = [
    '| Tenant | Way | recall@10 | recall@50 | short | searches/s | p50 ms | p99 ms | CPU ' +
      'ms, gateway | of `select 1` |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const { tenantClass, quality, samples, paths } of classes) {
    const floor = samples.get(FLOOR)!;
    for (const [index, way] of WAYS.entries()) {
      const own = samples.get(way)!;
      const found = quality.get(way);
      const cells = [
        index === 0 ? `${tenantClass.chunks}` : index === 1 ? pathsText(paths) : '',
        way,
        digits(found?.at10.recall, 3),
        digits(found?.at50.recall, 3),
        found ? String(found.at10.short + found.at50.short) : '',
        digits(median(own.map(sample => sample.perSecond)), 0),
        digits(median(own.map(sample => sample.p50Ms)), 2),
        digits(median(own.map(sample => sample.p99Ms)), 2),
        digits(median(own.map(sample => sample.nodeMs)), 2),
        way === FLOOR
          ? ''
          : digits(
              median(own.map((sample, round) => sample.perSecond / floor[round]!.perSecond)),
              3,
            ),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function pathsText(paths: ReadonlyMap<string, number>): string {
  const all = Array.from(paths.values()).reduce((sum, count) => sum + count, 0);
  return Array.from(paths, ([path, count]) =>
    count === all ? path : `${path} ${Math.round((count / all) * 100)} %`,
  ).join(', ');
}

function filterTable({ classes }: Results): string {
  const lines = [
    '| Tenant | Filter | recall@10, original | Weaver | short, original | Weaver | ' +
      'searches/s, original | Weaver |',
    '|---:|---|---:|---:|---:|---:|---:|---:|',
  ];
  for (const { tenantClass, filters } of classes) {
    for (const { filter, ways } of filters) {
      const [original, ours] = [
        ways.find(({ name }) => name === ORIGINAL)!,
        ways.find(({ name }) => name === OURS)!,
      ];
      const both = (cell: (way: typeof original) => string): string =>
        `${cell(original)} | ${cell(ours)}`;
      lines.push(
        `| ${tenantClass.chunks} | ${filter} | ` +
          `${both(way => digits(way.quality.recall, 3))} | ` +
          `${both(way => String(way.quality.short))} | ` +
          `${both(way => digits(way.timing.perSecond, 0))} |`,
      );
    }
  }
  return lines.join('\n');
}

function insertTable({ inserts }: Results): string {
  const [original] = inserts;
  const rows = inserts.map(({ name, rowsPerSecond }) => {
    const ratio = median(
      rowsPerSecond.map((rate, round) => rate / original!.rowsPerSecond[round]!),
    );
    return `| ${name} | ${digits(median(rowsPerSecond), 0)} | ${digits(ratio, 2)} |`;
  });
  return [
    '| Inserts in batches of 500 | rows/s | of the original |',
    '|---|---:|---:|',
    ...rows,
  ].join('\n');
}

function sizeTable({ sizes }: Results): string {
  return [
    '| Relation | MB |',
    '|---|---:|',
    ...sizes.map(({ name, bytes }) => `| \`${name}\` | ${digits(bytes / 2 ** 20, 1)} |`),
  ].join('\n');
}

function goalTable(results: Results): string {
  const rows = goalsOf(results).map(
    ({ goal, measured, reached }) => `| ${goal} | ${measured} | ${reached ? 'yes' : '**no**'} |`,
  );
  return ['| Goal | Measured | Reached |', '|---|---|---|', ...rows].join('\n');
}

/** Puts the report between its marks in `docs/search.md`. */
export function writeReport(results: Results): void {
  const { postgres, scale, questions, connections, rounds, seconds } = results.facts;
  const text = [
    `${machineText(postgres)}; all of it on one machine.`,
    `Scale ${scale}, ${questions} questions for each size of tenant, ${connections} ` +
      `connections, ${rounds} rounds of ${seconds} s; medians. A ratio is the median of ` +
      `the rounds' ratios. "short" counts answers with fewer hits than there were, of both ` +
      '10 and 50.',
    '',
    ...WAYS.map(way => `- **${way}**: ${WHAT[way]}`),
    '',
    report(results),
  ].join('\n');
  writeSection('search.md', 'search', text);
}

export function digits(value: number | undefined, count: number): string {
  return value === undefined ? '' : value.toFixed(count);
}
