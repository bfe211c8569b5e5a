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

test.runIf(inject('template').kind === 'postgres').each(['LATIN1', 'SQL_ASCII'])(
  'a database in the encoding %s is refused before anything is made in it',
  async encoding => {
    const { env, urls, close } = await freshDatabase();
    const folder = mkdtempSync(join(tmpdir(), 'weaver-encoding-'));
    const name = new URL(urls!.admin).pathname.slice(1);
    const refused =
      `The database ${name} has the encoding ${encoding}, but Weaver needs UTF8. Nothing was ` +
      'changed. Create another with "createdb --encoding UTF8 --template template0 <name>", and ' +
      'use that.';
    try {
      const file = join(folder, 'file');
      expect(await weaver(env, ['db', 'backup', file])).toMatchObject({ code: 0 });
      await sqlAt(urls!.maintenance, `drop database ${name}`);
      await sqlAt(
        urls!.maintenance,
        `create database ${name} encoding '${encoding}' locale 'C' template template0`,
      );
      for (const args of [['bootstrap'], ['up'], ['stamp', 'head'], ['restore', file]])
        expect([args, await weaver(env, ['db', ...args])]).toEqual([
          args,
          { code: 1, out: '', err: refused },
        ]);
      expect(await weaver(env, ['db', 'doctor'])).toMatchObject({
        code: 1,
        out: expect.stringContaining(
          `fail  The database ${name} has the encoding ${encoding}, but Weaver needs UTF8.\n`,
        ),
      });
      expect(
        await sqlAt(urls!.admin, "select from pg_extension where extname <> 'plpgsql'"),
      ).toEqual([]);
    } finally {
      await close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
