import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { searchIndexName } from '../../../src/db/search-index-name.js';
import { Commands } from '../../support/command.js';
import { TIDY } from '../../support/legacy-database.js';
import { LegacyDatabase } from '../../support/legacy-server.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe.runIf(inject('template').kind === 'postgres')(
  'MikroORM beside an older application',
  () => {
    const commands = new Commands();
    const folder = mkdtempSync(join(tmpdir(), 'weaver-created-'));
    let legacy: LegacyDatabase;
    beforeAll(async () => {
      legacy = await LegacyDatabase.make('007');
      await legacy.adopt('--yes', '--legacy-role', await legacy.login());
      await legacy.sql(
        `create index ${searchIndexName(TIDY)} on doc_chunks ` +
          `using hnsw (embedding halfvec_cosine_ops) where tenant_id = '${TIDY}'`,
      );
    });
    afterAll(async () => {
      await commands.close();
      await legacy.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('needs no migration or update, for policies, older tables or search indexes', async () => {
      const env = { DATABASE_URL: legacy.admin };
      const created = await commands.mikroOrm(env, 'migration:create', '--path', folder).outcome();
      expect(readdirSync(folder).map(file => readFileSync(join(folder, file), 'utf8'))).toEqual([]);
      expect(created).toMatchObject({
        code: 0,
        out: 'No changes required, schema is up-to-date\n',
      });
      expect(await commands.mikroOrm(env, 'schema:update', '--dump').outcome()).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^(Schema is up-to-date)?\s*$/),
      });
    });
  },
);
