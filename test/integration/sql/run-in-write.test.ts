import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { runInWrite, type WriteParameter } from '../../../src/db/run-in-write.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const run = <R>(sql: string, parameters?: readonly WriteParameter[]): Promise<R[]> =>
  db.database.write('test', OPERATOR_SCOPE, em => runInWrite<R>(em, sql, parameters));

const ID = '0198c0de-0000-7000-8000-00000000000a';

describe('runInWrite', () => {
  test.each<[string, WriteParameter, unknown]>([
    ['text', 'it\'s "?" $1 \\ {a,b}', 'it\'s "?" $1 \\ {a,b}'],
    ['int', -7, -7],
    ['float8', 0.1, 0.1],
    ['boolean', true, true],
    ['uuid', ID, ID],
    ['jsonb', '{"a":[1,null]}', { a: [1, null] }],
    ['text', null, null],
    ['uuid[]', [ID, ID], [ID, ID]],
    ['uuid[]', [], []],
    [
      'text[]',
      ['a,b', '"', '\\', '', 'NULL', '{}', "'"],
      ['a,b', '"', '\\', '', 'NULL', '{}', "'"],
    ],
    ['text[]', ['a', null], ['a', null]],
    ['int[]', [1, 2], [1, 2]],
    ['float8[]', [0.5, 1_732_960_000_000.25], [0.5, 1_732_960_000_000.25]],
    ['boolean[]', [true, false], [true, false]],
  ])('hands over %s: %j', async (type, value, expected) => {
    expect(await run(`select $1::${type} as value, $2::int as next`, [value, 5])).toEqual([
      { value: expected, next: 5 },
    ]);
  });

  test('hands over whole numbers beyond a double', async () => {
    expect(await run('select $1::bigint::text as value', [9_007_199_254_740_993n])).toEqual([
      { value: '9007199254740993' },
    ]);
  });

  test('runs statements without parameters, and fails with the errors of MikroORM', async () => {
    expect(await run('select 1 as one')).toEqual([{ one: 1 }]);
    await expect(run('select 1 / $1::int', [0])).rejects.toMatchObject({ code: '22012' });
  });
});
