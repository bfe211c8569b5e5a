import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { readCatalogue, type Catalogue } from '../../../src/ops/migrations/catalogue.js';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import { ENTITIES } from '../../../src/entities.js';
import { freshDatabase, weaver, type FreshDatabase, type Outcome } from '../../support/command.js';

const onPostgres = inject('template').kind === 'postgres';
const NAMES = knownMigrations();
const [FIRST, LAST] = [NAMES[0]!, NAMES.at(-1)!];

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
});
afterAll(() => fresh.close());

const run = (...args: string[]): Promise<Outcome> => weaver(fresh.env, ['db', ...args]);

/** Opens the database for each call: commands want it for themselves. */
async function asOwner<T>(
  env: Record<string, string>,
  work: (execute: <R>(sql: string) => Promise<R[]>) => Promise<T>,
): Promise<T> {
  const database = await Database.open(readConfig(env).database, ENTITIES, 'migrate');
  try {
    return await work(sql => database.orm.em.getDriver().getConnection().execute(sql));
  } finally {
    await database.close();
  }
}
const catalogue = (env = fresh.env): Promise<Catalogue> => asOwner(env, readCatalogue);

describe('what says what there is', () => {
  test('current, history and heads', async () => {
    expect(await run('current')).toMatchObject({ code: 0, out: `${LAST} (head)` });
    const { code, out } = await run('history');
    const lines = out.split('\n');
    expect(code).toBe(0);
    expect(lines).toHaveLength(NAMES.length);
    expect(lines[0]).toMatch(
      new RegExp(`^${FIRST} +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC`),
    );
    expect(lines.at(-1)).toMatch(new RegExp(`^${LAST} .* UTC {2}\\(head, current\\)$`));
    expect(await run('heads')).toEqual({ code: 0, out: `${LAST} (head)`, err: '' });
  });

  test('show prints the SQL in both directions, and needs no database', async () => {
    const { code, out } = await weaver(
      { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing' },
      ['db', 'show', 'initial'],
    );
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^-- ${FIRST}\n`));
    expect(out).toMatch(/\n-- up\n.*create table tenants.*\n-- down\n.*drop table tenants;/s);
    expect(await run('show', 'nothing')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^There is no migration nothing\. /),
    });
  });

  test('check says that nothing differs', async () => {
    expect(await run('check')).toMatchObject({
      code: 0,
      out: `At head (${LAST}), and nothing differs from what the migrations make.`,
    });
  });
});

describe('check finds', () => {
  const touched = (now: string): string =>
    'create or replace function weaver_touch_updated_at() returns trigger language ' +
    `plpgsql as $function$\n  begin\n    new.updated_at := ${now};\n    return new;\n ` +
    ' end $function$';
  const BREAKS: readonly [what: string, breakIt: string, mend: string, line: string | RegExp][] = [
    ['a table', 'create table stray (id int)', 'drop table stray', 'extra     stray: table'],
    [
      'a column',
      'alter table docs add column stray int',
      'alter table docs drop column stray',
      'extra     docs: column stray integer storage plain',
    ],
    [
      'an index',
      'create index stray_index on docs (size_bytes)',
      'drop index stray_index',
      'extra     docs: index CREATE INDEX stray_index ON public.docs USING btree (size_bytes)',
    ],
    [
      'a constraint',
      'alter table docs drop constraint docs_size_not_negative',
      'alter table docs add constraint docs_size_not_negative check (size_bytes >= 0)',
      'missing   docs: constraint docs_size_not_negative CHECK ((size_bytes >= 0))',
    ],
    [
      'a trigger',
      'alter table docs disable trigger docs_touch_updated_at',
      'alter table docs enable trigger docs_touch_updated_at',
      /extra {5}docs: trigger CREATE TRIGGER docs_touch_updated_at .* enabled D/,
    ],
    [
      'a policy',
      'create policy stray on docs to weaver_tenant using (true)',
      'drop policy stray on docs',
      'extra     docs: policy stray permissive for * to weaver_tenant using true',
    ],
    [
      'a grant',
      'grant truncate on docs to weaver_tenant',
      'revoke truncate on docs from weaver_tenant',
      'extra     docs: grant weaver_tenant truncate',
    ],
    [
      'row-level security that is not forced',
      'alter table docs no force row level security',
      'alter table docs force row level security',
      'changed   docs: row-level security is enabled, and was made enabled, forced',
    ],
    [
      'a function',
      'create function stray() returns int language sql as $$ select 1 $$',
      'drop function stray()',
      'extra     function: stray()',
    ],
    [
      'row-level security that is off',
      'alter table bots disable row level security',
      'alter table bots enable row level security',
      'changed   bots: row-level security is off, forced, and was made enabled, forced',
    ],
    [
      'an index that is gone',
      'drop index docs_by_filename',
      'create index docs_by_filename on docs (tenant_id, filename, id)',
      'missing   docs: index CREATE INDEX docs_by_filename ON public.docs USING btree ' +
        '(tenant_id, filename, id)',
    ],
    [
      'the body of a function',
      touched('now()'),
      touched("greatest(clock_timestamp(), old.updated_at + interval '1 microsecond')"),
      'changed   function: weaver_touch_updated_at() has another body: "new.updated_at ' +
        ':= now();", and was made "new.updated_at := greatest(clock_timestamp(), ' +
        "old.updated_at + interval '1 microsecond');\"",
    ],
    [
      'the declaration of a function',
      'alter function weaver_keep_last_owner() stable',
      'alter function weaver_keep_last_owner() volatile',
      'changed   function: weaver_keep_last_owner() has another declaration: "STABLE", ' +
        'and was made nothing',
    ],
  ];

  /** Told twice: as what is missing, and as what is there instead. */
  const CHANGES: readonly [
    what: string,
    breakIt: string,
    mend: string,
    wanted: string,
    found: string,
  ][] = [
    [
      "a column's type",
      'alter table docs alter column error_message type varchar(900)',
      'alter table docs alter column error_message type text',
      'docs: column error_message text',
      'docs: column error_message character varying(900)',
    ],
    [
      "a column's default",
      `alter table docs alter column status set default 'ready'`,
      `alter table docs alter column status set default 'pending'`,
      "docs: column status character varying(50) not null default 'pending'",
      "docs: column status character varying(50) not null default 'ready'",
    ],
    [
      'a column that may be null',
      'alter table bots alter column name drop not null',
      'alter table bots alter column name set not null',
      'bots: column name character varying(255) not null',
      'bots: column name character varying(255) storage',
    ],
    [
      'another index of the name',
      'alter index docs_by_status set (fillfactor = 50)',
      'alter index docs_by_status reset (fillfactor)',
      'docs: index CREATE INDEX docs_by_status',
      'docs: index CREATE INDEX docs_by_status',
    ],
    [
      'a wider policy',
      'alter policy tenant_isolation on bots using (true)',
      'alter policy tenant_isolation on bots ' +
        "using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)",
      'bots: policy tenant_isolation permissive for * to weaver_tenant using (tenant_id',
      'bots: policy tenant_isolation permissive for * to weaver_tenant using true',
    ],
  ];

  test('each thing that was changed by hand', async () => {
    await asOwner(fresh.env, async execute => {
      for (const [, breakIt] of [...BREAKS, ...CHANGES]) await execute(breakIt);
    });
    try {
      const { code, out } = await run('check');
      expect(code).toBe(1);
      for (const [what, , , line] of BREAKS)
        expect(out, what).toEqual(
          typeof line === 'string' ? expect.stringContaining(line) : expect.stringMatching(line),
        );
      for (const [what, , , wanted, found] of CHANGES)
        for (const line of [`missing   ${wanted}`, `extra     ${found}`])
          expect(out, what).toContain(line);
      // The disabled trigger, too, is told twice.
      expect(out.split('\n')).toHaveLength(BREAKS.length + 1 + 2 * CHANGES.length);
    } finally {
      await asOwner(fresh.env, async execute => {
        for (const [, , mend] of [...BREAKS, ...CHANGES]) await execute(mend);
      });
    }
    expect(await run('check')).toMatchObject({ code: 0 });
  });

  test('nothing in what operators make on purpose', async () => {
    const tenant = '0'.repeat(32);
    await asOwner(fresh.env, async execute => {
      await execute(`create index doc_chunks_ann_${tenant} on doc_chunks (id)`);
      await execute('create table weaver_legacy_docs (id int)');
      await execute('create schema elsewhere');
    });
    try {
      expect(await run('check')).toMatchObject({ code: 0 });
    } finally {
      await asOwner(fresh.env, async execute => {
        await execute(`drop index doc_chunks_ann_${tenant}`);
        await execute('drop table weaver_legacy_docs');
        await execute('drop schema elsewhere');
      });
    }
  });

  test('a migration of another version', async () => {
    await asOwner(fresh.env, execute =>
      execute(`insert into mikro_orm_migrations (name) values ('Migration29990101000000_future')`),
    );
    try {
      expect(await run('check')).toMatchObject({
        code: 1,
        out: 'unknown   Migration29990101000000_future  (applied by another version of Weaver)',
      });
      expect(await run('current')).toMatchObject({
        code: 0,
        out: 'Migration29990101000000_future  (not known to this version of Weaver)',
      });
    } finally {
      await asOwner(fresh.env, execute =>
        execute(`delete from mikro_orm_migrations where name like '%future'`),
      );
    }
  });
});

describe('stamp', () => {
  test('changes the log and nothing else', async () => {
    const before = await catalogue();
    expect(await run('stamp', 'base')).toMatchObject({
      code: 0,
      out: NAMES.map(name => `Unlogged ${name}`).join('\n'),
    });
    expect(await run('current')).toMatchObject({ code: 0, out: 'base' });
    expect(await run('check')).toMatchObject({
      code: 1,
      out: NAMES.map(name => `pending   ${name}`).join('\n'),
    });
    expect(await run('stamp', 'initial')).toMatchObject({ code: 0, out: `Logged ${FIRST}` });
    expect(await run('stamp', 'nothing')).toMatchObject({ code: 1, out: '' });
    expect(await run('stamp', 'head')).toMatchObject({
      code: 0,
      out: NAMES.slice(1)
        .map(name => `Logged ${name}`)
        .join('\n'),
    });
    expect(await run('stamp', 'head')).toMatchObject({
      code: 0,
      out: `Nothing to do: the log says ${LAST} already.`,
    });
    expect(await catalogue()).toEqual(before);
    expect(await run('check')).toMatchObject({ code: 0 });
  });
});

describe('up and down', () => {
  test('by steps, by name, to base and to head', async () => {
    const before = await catalogue();
    expect(await run('down', '-2', '--yes')).toMatchObject({
      code: 0,
      out: NAMES.slice(-2)
        .toReversed()
        .map(name => `Reverted ${name}`)
        .join('\n'),
    });
    expect(await run('up', '+1')).toMatchObject({ code: 0, out: `Applied ${NAMES.at(-2)}` });
    expect(await run('up', '+2')).toMatchObject({
      code: 1,
      out: '',
      err: 'Nothing was changed: +2 reaches too far, 1 migration is pending.',
    });
    expect(await run('down', '+1')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('goes the other way'),
    });
    expect(await run('down', '--to', FIRST, '--yes')).toMatchObject({ code: 0 });
    expect(await run('down', `-${NAMES.length}`)).toMatchObject({
      code: 1,
      out: '',
      err: 'Nothing was changed: -' + NAMES.length + ' reaches too far, 1 migration is applied.',
    });
    expect(await run('down', 'base', '--yes')).toMatchObject({ code: 0, out: `Reverted ${FIRST}` });
    expect(await run('up', 'head')).toMatchObject({
      code: 0,
      out: NAMES.map(name => `Applied ${name}`).join('\n'),
    });
    expect(await catalogue()).toEqual(before);
  });
});

describe('--sql', () => {
  test('wants no database, names that exist, and the right direction', async () => {
    const offline = (...args: string[]): Promise<Outcome> =>
      weaver({ DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing' }, ['db', ...args]);
    expect(await offline('up', '--sql')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        new RegExp(`^-- Weaver: up from base to ${LAST}, ${NAMES.length} migrations?\\. `),
      ),
    });
    expect((await offline('down', '--sql')).out).toContain(
      `-- Weaver: down from ${LAST} to ${NAMES.at(-2) ?? 'base'}, 1 migration.`,
    );
    expect(await offline('up', '--sql', '--from', 'head', '--to', 'base')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('goes the other way'),
    });
    expect(await offline('up', '--sql', 'nothing')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^There is no migration nothing\. /),
    });
    expect(await offline('up', '--sql', '+1')).toMatchObject({ code: 2, out: '' });
  });

  /** What psql says of a script, without the rows that data migrations tell that they changed. */
  const psql = (
    url: string,
    script: string,
  ): { status: number | null; stderr: string; stdout: string } => {
    const ran = spawnSync('psql', ['--quiet', '--no-psqlrc', url], {
      input: script,
      encoding: 'utf8',
    });
    return { ...ran, stderr: ran.stderr.replace(/^(psql:\S+ )?INFO: .*\n/gm, '') };
  };
  const hasPsql = spawnSync('psql', ['--version']).status === 0;

  test.runIf(onPostgres && hasPsql)(
    'is a script that psql runs to the same catalogue and the same log',
    async () => {
      const other = await freshDatabase();
      try {
        const log = (env: Record<string, string>): Promise<unknown[]> =>
          asOwner(env, execute =>
            execute('select name, sql_hash from mikro_orm_migrations order by name'),
          );
        const half = (await run('up', '--sql', '--to', NAMES[1]!)).out;
        const rest = (await run('up', '--sql', '--from', NAMES[1]!)).out;
        expect(psql(other.urls!.admin, rest)).toMatchObject({
          status: 3,
          stderr: expect.stringContaining(
            `This script is for a database at ${NAMES[1]}, and this one is not there.`,
          ),
        });
        expect(psql(other.urls!.admin, half)).toEqual(
          expect.objectContaining({ status: 0, stderr: '' }),
        );
        expect(psql(other.urls!.admin, half)).toMatchObject({
          status: 3,
          stderr: expect.stringContaining(
            'This script is for a database at base, and this one is not there.',
          ),
        });
        expect(psql(other.urls!.admin, rest)).toEqual(
          expect.objectContaining({ status: 0, stderr: '' }),
        );
        expect(await catalogue(other.env)).toEqual(await catalogue());
        expect(await log(other.env)).toEqual(await log(fresh.env));
        expect(await weaver(other.env, ['db', 'check'])).toMatchObject({ code: 0 });

        expect(psql(other.urls!.admin, (await run('down', '--sql', 'head:base')).out)).toEqual(
          expect.objectContaining({ status: 0, stderr: '' }),
        );
        expect(Object.keys((await catalogue(other.env)).tables)).toEqual(['mikro_orm_migrations']);
        expect(await log(other.env)).toEqual([]);
      } finally {
        await other.close();
      }
    },
  );
});
