import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { startGateway } from '../../../src/app.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { weaver } from '../../support/command.js';
import { OPERATOR_TOKEN, testConfig } from '../../support/config.js';
import { TIDY } from '../../support/legacy-database.js';
import { LegacyDatabase } from '../../support/legacy-server.js';
import { postgresAt } from '../../support/postgres-at.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';

const NO_ARRAY = 'what is no array becomes [{"value": …}]';
const AN_OBJECT = 'an object becomes the only element of an array';
const AN_ELEMENT = 'an element that is no object becomes {"value": …}';

/** What the older Weaver stored as sources, what becomes of it, and why. */
const SOURCES: readonly [stored: string, adopted: string, why: string | undefined][] = [
  ['[]', '[]', undefined],
  ['[{}]', '[{}]', undefined],
  ['[{"doc": 750727362669608961}]', '[{"doc": 750727362669608961}]', undefined],
  ['[{"list": [1, null]}]', '[{"list": [1, null]}]', undefined],
  ['{}', '[{}]', AN_OBJECT],
  ['{"doc": [1]}', '[{"doc": [1]}]', AN_OBJECT],
  ['"guide.pdf"', '[{"value": "guide.pdf"}]', NO_ARRAY],
  ['7', '[{"value": 7}]', NO_ARRAY],
  ['false', '[{"value": false}]', NO_ARRAY],
  ['null', '[]', 'null becomes []'],
  ['["guide.pdf"]', '[{"value": "guide.pdf"}]', AN_ELEMENT],
  ['[[]]', '[{"value": []}]', AN_ELEMENT],
  ['[null]', '[{"value": null}]', AN_ELEMENT],
  ['[[{"doc": 1}]]', '[{"value": [{"doc": 1}]}]', AN_ELEMENT],
  [
    '[{"doc": 1}, "b", 750727362669608961, {"doc": 2}]',
    '[{"doc": 1}, {"value": "b"}, {"value": 750727362669608961}, {"doc": 2}]',
    AN_ELEMENT,
  ],
];
const idOf = (nth: number): string => `0000a0d0-0000-4000-8000-${String(nth).padStart(12, '0')}`;

describe.runIf(onPostgres)('sources of an older Weaver that are no list of objects', () => {
  let legacy: LegacyDatabase;

  beforeAll(async () => {
    legacy = await LegacyDatabase.make('007');
    for (const [nth, [stored]] of SOURCES.entries())
      await legacy.sql(
        'insert into bot_queries (id, tenant_id, query, answer, sources) ' +
          `values ($1, $2, 'Why?', 'Because.', $3)`,
        [idOf(nth), TIDY, stored],
      );
    const { code, err } = await legacy.adopt('--yes');
    if (code !== 0) throw new Error(err);
  });
  afterAll(() => legacy.close());

  test.each(SOURCES.map((row, nth) => [nth, ...row] as const))(
    '%i: %s becomes %s',
    async (nth, _, adopted, why) => {
      expect(
        await legacy.sql('select sources::text from bot_queries where id = $1', [idOf(nth)]),
      ).toEqual([{ sources: adopted }]);
      expect(
        await legacy.sql(
          `select why from weaver_legacy_changes where id = $1 and column_name = 'sources'`,
          [idOf(nth)],
        ),
      ).toEqual(why === undefined ? [] : [{ why }]);
    },
  );

  test('are answered by the gateway, and the doctor finds none', async () => {
    const database = await Database.open(postgresAt(legacy.admin, { poolSize: 3 }), ENTITIES);
    const gateway = await startGateway({
      config: testConfig(),
      database,
      log: createLogger('silent'),
    });
    try {
      const { tenant } = await new Client(gateway.url, OPERATOR_TOKEN).data<{
        tenant: { botQueries: { nodes: { id: string; sources: object[] }[] } };
      }>('query($id: ID!) { tenant(id: $id) { botQueries(first: 50) { nodes { id sources } } } }', {
        id: TIDY,
      });
      const answered = new Map(tenant.botQueries.nodes.map(({ id, sources }) => [id, sources]));
      for (const [nth, [, adopted]] of SOURCES.entries())
        expect(answered.get(idOf(nth))).toEqual(JSON.parse(adopted));
    } finally {
      await gateway.close();
      await database.close();
    }
    const { out } = await weaver({ DATABASE_URL: legacy.admin }, ['db', 'doctor']);
    expect(out).not.toContain('sources');
  });

  test('leave the scopes of keys in one list each', async () => {
    expect(
      await legacy.sql(
        'select distinct array_ndims(scopes) as dimensions, scopes::text as scopes from api_keys',
      ),
    ).toEqual([{ dimensions: 1, scopes: '{read,write,search,ask}' }]);
  });
});
