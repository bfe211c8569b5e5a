import { raw } from '@mikro-orm/core';
import { describe, expect, test } from 'vitest';
import { formattedSql } from '../../../src/db/migrations/emitted-sql.js';
import { readSql } from '../../../src/db/migrations/read-sql.js';

const table = (name: string) => ({ kind: 'table', table: name });
const rows = (name: string) => ({ kind: 'rows', table: name });
const column = (name: string, of = 'docs') => ({ kind: 'column', table: of, column: name });

describe('what a statement takes away', () => {
  test.each([
    ['drop table if exists "a", public.b cascade;', [table('a'), table('b')]],
    [
      'alter table only docs\n  drop column if exists one, drop two',
      [column('one'), column('two')],
    ],
    [
      'alter table docs alter column one drop default, alter two drop not null, drop ' +
        'constraint three',
      [],
    ],
    ['truncate docs, bots', [rows('docs'), rows('bots')]],
    ['/* why */ delete from docs where true', [rows('docs')]],
    ['drop index docs_by_name', []],
    ['select 1; drop table b', [table('b')]],
    ['with gone as (delete from tenants returning 1) select count(*) from gone', [rows('tenants')]],
    ['merge into docs d using bots b on b.id = d.bot_id when matched then delete', [rows('docs')]],
    [`update tenants set name = 'gone'`, [{ kind: 'values', table: 'tenants', column: 'name' }]],
    [
      `update tenants set name = 'gone' where true`,
      [{ kind: 'values', table: 'tenants', column: 'name' }],
    ],
    [`update tenants set name = 'free' where plan_tier = 'free'`, []],
    [
      `alter table docs alter column filename type varchar(3) using left(filename, 3)`,
      [{ kind: 'values', table: 'docs', column: 'filename' }],
    ],
    [`alter table docs add column note text default 'drop table docs; --'`, []],
    [`create function f() returns void language sql as 'delete from docs'`, []],
    [`create function f() returns void begin atomic delete from docs; end`, []],
  ])('%s', async (sql, losses) => {
    expect(await readSql(sql)).toMatchObject({ losses, unclear: [] });
  });

  test.each([
    ['do $$ begin drop table docs; end $$', ['runs a do block']],
    ['call tidy()', ['calls a procedure']],
    ['drop schema side cascade', ['drops a schema with "cascade", and whatever depends on it']],
    [
      'drop extension vector cascade',
      ['drops an extension with "cascade", and whatever depends on it'],
    ],
    ['drop table side.precious', ['changes side.precious, which is in another schema']],
    ['truncate bots cascade', ['empties whatever refers to these tables, with "cascade"']],
    ['drop table docs plaese', ['is SQL that cannot be read']],
  ])('cannot be told of %s', async (sql, unclear) => {
    expect(await readSql(sql)).toMatchObject({ unclear });
  });
});

test("names the functions that a statement calls, without PostgreSQL's own", async () => {
  expect(await readSql('select tidy(), public.sweep(), pg_catalog.now()')).toMatchObject({
    calls: ['tidy', 'sweep'],
  });
});

test('what addSql takes is text, with its values written in', () => {
  expect(formattedSql('select 1')).toBe('select 1');
  expect(
    formattedSql(raw('update tenants set name = ? where plan_tier = ?', ["O'Hara", 'free'])),
  ).toBe(`update tenants set name = 'O''Hara' where plan_tier = 'free'`);
  expect(() => formattedSql(7)).toThrow('A migration hands over something that is no SQL');
});
