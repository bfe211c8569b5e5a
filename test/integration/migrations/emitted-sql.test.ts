import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { emittedSql, migrationFiles, sqlHash } from '../../../src/ops/migrations/emitted-sql.js';

const ROOT = join(import.meta.dirname, '../../..');
const source = migrationFiles(join(ROOT, 'migrations'));
const built = migrationFiles(join(ROOT, 'dist/migrations'));

describe('the digest of a migration', () => {
  test.each([...source.keys()])(
    '%s: is the same from the source and from the build, and each time',
    async name => {
      const hash = await sqlHash(source.get(name)!);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(await sqlHash(source.get(name)!)).toBe(hash);
      expect(await sqlHash(built.get(name)!)).toBe(hash);
    },
  );

  test.each([...source.keys()])(
    '%s: covers all that it runs, and it can be reverted',
    async name => {
      const { up, down, readsDatabase } = await emittedSql(source.get(name)!);
      expect(up.length).toBeGreaterThan(0);
      expect(down).toBeDefined();
      expect(readsDatabase).toBe(false);
    },
  );
});
