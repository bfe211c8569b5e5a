import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const FOLDERS = ['.ci', 'bench', 'bin', 'migrations', 'src', 'test'];
const MAX_COLUMNS = 100;
const MAX_LINES = 300;
const REASON = /^\/\/ (?:Longer than 300 lines: |oxlint-disable max-lines -- )\w/;
/** A comment's line that is nothing but an address, which cannot be broken. */
const ADDRESS = /^\s*(?:\/\/|\*)\s*https?:\/\/\S+$/;

const files = FOLDERS.flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(path => /\.[cm]?[jt]s$/.test(path))
    .map(path => join(folder, path)),
);

/** As a reader counts: a character beyond Unicode's first plane is one. */
const columns = (line: string): number => Array.from(line).length;

test('no line of code is longer than 100 columns', () => {
  expect(files.length).toBeGreaterThan(600);
  const long = files.flatMap(path =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
      .filter(({ line }) => columns(line) > MAX_COLUMNS && !ADDRESS.test(line))
      .map(({ place }) => place),
  );
  expect(long).toEqual([]);
});

test('a file of the source that is longer than 300 lines says why in its first line', () => {
  const unexplained = files
    .filter(path => path.startsWith('src'))
    .filter(path => {
      const lines = readFileSync(join(root, path), 'utf8').split('\n');
      return lines.length > MAX_LINES + 1 && !REASON.test(lines[0]!);
    });
  expect(unexplained).toEqual([]);
});
