import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const FOLDERS = ['.ci', 'bench', 'bin', 'migrations', 'src', 'test'];
const MAX_COLUMNS = 100;
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
