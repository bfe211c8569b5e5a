import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const src = join(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(path =>
  path.endsWith('.ts'),
);

/**
 * What has a method of this name besides entity managers: connections, for what is no write of a
 * tenant's data, and a circuit breaker.
 */
const OTHERS = /(?:\bconnection|\.getConnection\(\)|\bdriver|#breaker)\s*$/;

test('SQL of our own in writes goes through runInWrite, never through an entity manager', () => {
  const found = files.flatMap(path => {
    const before = readFileSync(join(src, path), 'utf8')
      .split(/\.execute\b(?=[<(])/)
      .slice(0, -1);
    return before
      .filter(text => !OTHERS.test(text))
      .map(text => `${path}:${text.split('\n').length}`);
  });
  expect(found).toEqual([]);
});

test('connections run SQL in db/ and in ops/ alone', () => {
  const others = files.filter(
    path =>
      !/^(db|ops)\//.test(path) &&
      /(connection|getConnection\(\)|driver)\s*\.execute\b/.test(
        readFileSync(join(src, path), 'utf8'),
      ),
  );
  expect(others).toEqual([]);
});
