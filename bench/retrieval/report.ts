import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSection } from '../shared/report-text.js';
import type { Way } from './ask.js';
import type { Measures } from './measures.js';

/** By how much a number may be lower than the page says. */
const TOLERANCE = 0.02;
const PAGE = join(import.meta.dirname, '../../docs/search.md');
const NAMES = ['hit@1', 'hit@3', 'hit@10', 'MRR'] as const;

export interface SetResult {
  readonly name: string;
  readonly chunks: number;
  readonly ways: readonly {
    readonly way: Way;
    readonly tuning: Measures;
    readonly heldOut: Measures;
  }[];
}

/** The results as a table, the held-out half last. */
export function printed(results: readonly SetResult[]): string {
  const header = ['Set', 'Chunks', 'Questions', 'Mode'];
  const titles = [...header, ...NAMES.map(name => `Tuning ${name}`), ...NAMES];
  const rows = results.flatMap(({ name, chunks, ways }) =>
    ways.map(({ way, tuning, heldOut }) => [
      name,
      String(chunks),
      String(tuning.questions + heldOut.questions),
      way,
      ...numbersOf(tuning),
      ...numbersOf(heldOut),
    ]),
  );
  const lines = [titles, titles.map((_, index) => (index < 4 ? '---' : '---:')), ...rows];
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

function numbersOf({ hit1, hit3, hit10, mrr }: Measures): string[] {
  return [hit1, hit3, hit10, mrr].map(number => number.toFixed(3));
}

/** The held-out numbers that the page has, by set and mode. */
export function readTable(): Map<string, number[]> {
  const rows = readFileSync(PAGE, 'utf8')
    .split('<!-- retrieval: ')[1]
    ?.split('\n')
    .filter(line => line.startsWith('|'))
    .map(line => line.split('|').map(cell => cell.trim()));
  return new Map(
    rows
      ?.slice(2)
      .map(cells => [keyOf(cells[1]!, cells[4]!), cells.slice(9, 13).map(Number)] as const),
  );
}

/** What is lower than it was, as lines to print. */
export function compare(
  results: readonly SetResult[],
  before: ReadonlyMap<string, readonly number[]>,
): string[] {
  return results.flatMap(({ name, ways }) =>
    ways.flatMap(({ way, heldOut }) =>
      numbersOf(heldOut).flatMap((text, index) => {
        const old = before.get(keyOf(name, way))?.[index];
        return old !== undefined && Number(text) < old - TOLERANCE
          ? [`${name}, ${way}: ${NAMES[index]} is ${text}; docs/search.md says ${old.toFixed(3)}.`]
          : [];
      }),
    ),
  );
}

function keyOf(set: string, way: string): string {
  return `${set} ${way}`;
}

/** Puts the table between its marks in `docs/search.md`. */
export function writeTable(results: readonly SetResult[]): void {
  writeSection('search.md', 'retrieval', printed(results));
}
