import { raw } from '@mikro-orm/core';
import { describe, expect, test } from 'vitest';
import { formattedSql } from '../../../../src/ops/migrations/emitted-sql.js';
import { readSql, withoutConcurrently } from '../../../../src/ops/migrations/read-sql.js';

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

describe('what hurts a database with rows and users', () => {
  test.each([
    ['-- why\ncreate unique index on only public.docs (id)', ['index-blocks-writes']],
    [
      '/* a */ create index concurrently if not exists x on docs (id)',
      ['concurrently-if-not-exists'],
    ],
    ['create index concurrently x on docs (id)', []],
    [`select 'create index x on docs (id)'`, []],
    ['drop index if exists a, b', ['drop-index-blocks']],
    [
      'alter table docs alter a set data type numeric, alter b set not null',
      ['column-type', 'set-not-null'],
    ],
    ['alter table docs add token uuid default (gen_random_uuid())', ['volatile-default']],
    [
      'alter table docs add n bigserial, add m int generated always as identity',
      ['volatile-default', 'volatile-default'],
    ],
    [
      `alter table docs add a text default 'random()', add b timestamptz not null default now()`,
      [],
    ],
    [
      'alter table docs add twice bigint generated always as (size_bytes * 2) stored not null',
      ['stored-generated'],
    ],
    ['alter table docs add more int not null', ['not-null-without-default']],
    [
      'alter table docs add more int unique, add other int check (other > 0)',
      ['unique-constraint', 'constraint-not-valid'],
    ],
    ['alter table docs add more uuid references bots (id)', []],
    [
      'alter table docs add foreign key (a) references bots (id), add constraint b ' +
        'check (a > 0) not valid',
      ['constraint-not-valid'],
    ],
    ['alter table docs add constraint one exclude using gist (a with =)', ['unique-constraint']],
    ['alter table docs add constraint one primary key using index docs_one', []],
    [
      'alter table docs add constraint filled not null a, add constraint later not null ' +
        'b not valid',
      ['set-not-null'],
    ],
    ['alter table docs drop column a, drop constraint b, alter c drop default', ['drop-column']],
    ['drop table if exists docs, bots', ['drop-table', 'drop-table']],
    ['alter table docs rename to files', ['rename']],
    ['alter table docs rename constraint a to b', ['rename']],
    ['alter index docs_a rename to docs_b', []],
    ['with all_of_them as (delete from docs returning 1) select 1', ['update-all-rows']],
    ['update docs set a = 1 where true', ['update-all-rows']],
    ['update docs set a = 1 where id = 1', []],
  ])('%s', async (sql, hazards) => {
    expect((await readSql(sql)).hazards.map(({ hazard }) => hazard)).toEqual(hazards);
  });
});

describe('what no transaction may hold', () => {
  test.each([
    [
      '-- lint: allow x: y\ncreate unique index concurrently "Aé""b" on only side.docs (id)',
      { builds: { index: 'Aé"b', table: '"side"."docs"' }, reindexes: false },
      '-- lint: allow x: y\ncreate unique index  "Aé""b" on only side.docs (id)',
    ],
    [
      '/* é */ create index concurrently on docs (id)',
      { reindexes: false },
      '/* é */ create index  on docs (id)',
    ],
    ['drop index concurrently a', { reindexes: false }, 'drop index  a'],
    ['reindex table concurrently docs', { reindexes: true }, 'reindex table  docs'],
    [
      'reindex (verbose, concurrently) table docs',
      { reindexes: true },
      'reindex (verbose, concurrently false) table docs',
    ],
    [
      `alter table docs detach partition old concurrently`,
      { reindexes: false },
      'alter table docs detach partition old ',
    ],
    [
      `comment on table docs is 'create index concurrently'`,
      undefined,
      `comment on table docs is 'create index concurrently'`,
    ],
    [
      'refresh materialized view concurrently sums',
      undefined,
      'refresh materialized view concurrently sums',
    ],
  ])('%s', async (sql, concurrent, without) => {
    expect((await readSql(sql)).concurrent).toEqual(concurrent);
    expect(await withoutConcurrently(sql)).toBe(without);
    expect((await readSql(without)).unclear).toEqual([]);
  });
});
