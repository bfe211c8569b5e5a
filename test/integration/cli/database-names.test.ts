import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { freshDatabase, sqlAt, weaver } from '../../support/command.js';
import { databaseUrl } from '../../support/template-database.js';

const NAME = `it's "100%" Öl/a?b#c\\d`;

test.runIf(inject('template').kind === 'postgres')(
  'a database of any name is migrated, examined, backed up and restored',
  { timeout: 120_000 },
  async () => {
    const fresh = await freshDatabase({ migrated: true });
    const folder = mkdtempSync(join(tmpdir(), "weaver it's "));
    const { admin, maintenance } = fresh.urls!;
    const quoted = `"${NAME.replaceAll('"', '""')}"`;
    const file = join(folder, 'a backup');
    try {
      await sqlAt(
        maintenance,
        `alter database ${new URL(admin).pathname.slice(1)} rename to ${quoted}`,
      );
      const env = { DATABASE_URL: databaseUrl(admin, encodeURIComponent(NAME)) };
      expect(await weaver(env, ['db', 'up'])).toMatchObject({
        code: 0,
        out: 'Nothing to do: no migration is pending.',
      });
      expect(await weaver(env, ['db', 'check'])).toMatchObject({ code: 0 });
      expect(await weaver(env, ['db', 'backup', file])).toMatchObject({
        code: 0,
        err: expect.stringContaining(`This is database ${NAME} of `),
      });
      expect(await weaver(env, ['db', 'restore', '--yes', file])).toMatchObject({ code: 0 });
    } finally {
      await sqlAt(maintenance, `drop database if exists ${quoted} with (force)`);
      await fresh.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
