import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World } from '../../support/world.js';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await openTestDatabase();
  world = new World(db.database);
});
afterAll(() => db.close());

/** MikroORM's own, and nothing that the API shows. */
const NOT_OURS = ['mikro_orm_migrations'];

describe('times', () => {
  test('are held to what RFC 3339 can write, in every column of every table', async () => {
    const columns = await db.asSuperuser<{
      table: string;
      column: string;
      condition: string | null;
      valid: boolean | null;
    }>(
      `select c.relname::text as "table", a.attname::text as "column",
        pg_get_constraintdef(k.oid) as condition, k.convalidated as valid
         from pg_attribute a join pg_class c on c.oid = a.attrelid
         left join pg_constraint k on k.conrelid = c.oid
           and k.conname = c.relname || '_times_rfc3339'
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
          and not a.attisdropped
          and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)`,
    );
    const ours = columns.filter(({ table }) => !NOT_OURS.includes(table));
    expect(ours.length).toBeGreaterThan(15);
    for (const { table, column, condition, valid } of ours) {
      expect(condition, `${table}.${column}`).toContain(`weaver_is_rfc3339(${column})`);
      expect(valid, table).toBe(true);
    }
  });

  test.each(['infinity', '-infinity', '10000-01-01 00:00:00+00', '0001-12-31 23:59:59+00 BC'])(
    '%s is refused to any program',
    async value => {
      const { id } = await world.tenant();
      await expect(
        world.insert('bots', { tenant_id: id, name: 'Late', created_at: value }),
      ).rejects.toMatchObject({ code: '23514', constraint: 'bots_times_rfc3339' });
      await expect(
        db.asSuperuser('update tenants set updated_at = ?, created_at = ? where id = ?', [
          value,
          value,
          id,
        ]),
      ).rejects.toMatchObject({ code: '23514', constraint: 'tenants_times_rfc3339' });
    },
  );

  test.each(['0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999+00'])(
    '%s is taken',
    async value => {
      const { id } = await world.tenant();
      await world.insert('bots', { tenant_id: id, name: 'Edge', created_at: value });
    },
  );
});
