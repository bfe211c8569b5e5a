import { expect, test } from 'vitest';
import { afterLast } from '../../../src/ops/migrations/new-migration-name.js';

test.each([
  ['20261201120000', [], '20261201120000'],
  ['20261201120000', ['Migration20261201115959_a'], '20261201120000'],
  ['20261201120000', ['Migration20261201120000_a'], '20261201120001'],
  ['20261201120000', ['Migration20261231235959_b', 'Migration20261201000000_a'], '20270101000000'],
  ['20261201120000', ['Migration20269999999999_a'], '20270000000000'],
])('a migration that is written at %s comes after %j', (now, names, expected) => {
  expect(afterLast(now, names)).toBe(expected);
});
