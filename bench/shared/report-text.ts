import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/** The middle one; undefined where one is not known. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter(value => value !== undefined).sort((a, b) => a - b);
  return known.length < values.length || known.length === 0
    ? undefined
    : known[Math.floor(known.length / 2)];
}

/** The day, the machine and the versions of a measurement. */
export function machineText(postgres: string): string {
  const [cpu] = cpus();
  return (
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ` +
    `${cpu?.model ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ` +
    `${process.versions.node}, PostgreSQL ${postgres}`
  );
}

/** Puts a text between a bench's marks in a page of `docs/`; a bench may have several parts. */
export function writeSection(page: string, bench: string, text: string, part = bench): void {
  const file = join(import.meta.dirname, '../../docs', page);
  const [beginMark, endMark] = [
    `<!-- ${part}: written by \`npm run bench -- ${bench} --write\` -->`,
    `<!-- ${part}: end -->`,
  ];
  const old = readFileSync(file, 'utf8');
  const [begin, end] = [old.indexOf(beginMark), old.indexOf(endMark)];
  if (begin < 0 || end < begin)
    throw new Error(`${file} has lost the marks of its generated part.`);
  writeFileSync(file, `${old.slice(0, begin)}${beginMark}\n\n${text}\n\n${old.slice(end)}`);
}
