import { describe, expect, test } from 'vitest';
import { firstLine } from '../../../../src/ops/migrations/failure.js';
import { matchingNames } from '../../../../src/ops/migrations/names.js';

const NAMES = [
  'Migration20260101000000_users',
  'Migration20260102000000_users_by_name',
  'Migration20260102000001_other',
];

describe('a name', () => {
  test.each([
    [
      'in full means itself, though another begins with it',
      'Migration20260101000000_users',
      [NAMES[0]],
    ],
    ['may have the ending of a file', 'Migration20260101000000_users.ts', [NAMES[0]]],
    ['may be a timestamp', '20260101000000', [NAMES[0]]],
    ['may be the beginning of one', '20260102', NAMES.slice(1)],
    ['may be words', 'other', [NAMES[2]]],
    ['means all that begin so', 'user', NAMES.slice(0, 2)],
    ['of fewer than four characters means nothing', '202', []],
    ['must begin a name', 'by_name', []],
  ])('%s', (_, given, meant) => {
    expect(matchingNames(NAMES, given)).toEqual(meant);
  });
});

test.each([
  [`insert into users values (4711, 'Ada''s')\n, (5)`, `insert into users values (…, '…')`],
  [
    `create table a (name varchar(255) default 'secret')`,
    `create table a (name varchar(255) default '…')`,
  ],
  [`update users set name = 'half of a value\nthat goes on'`, `update users set name = '…'`],
  [`update users set name = $$Ada$$, age = 5.5e3`, `update users set name = $$…$$, age = …`],
  [`update users set name = $n$Ada$n$, age = -3`, `update users set name = $$…$$, age = -…`],
  [`update users set name = E'it\\'s' where id = 0x1F`, `update users set name = '…' where id = …`],
  [`update users set name = U&'Ada', bits = b'01'`, `update users set name = '…', bits = '…'`],
  [`-- Ada asked\ndelete from users -- Ada`, `delete from users`],
  [`delete from "o'clock" where "5" = 'it''s'`, `delete from "o'clock" where "5" = '…'`],
  [
    `alter table users alter name set default /* Ada */ 'x'`,
    `alter table users alter name set default  '…'`,
  ],
  [`select 1; update users set name = 'cut in the middle`, `select …`],
])('the first line of a statement shows no value: %j', async (sql, line) => {
  expect(await firstLine(sql)).toBe(line);
});
