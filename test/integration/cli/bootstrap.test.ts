import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { bootstrap, bootstrapSteps } from '../../../src/ops/bootstrap/bootstrap.js';
import { knownMigrations } from '../../../src/ops/migrations/state.js';
import { ENTITIES } from '../../../src/entities.js';
import {
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
} from '../../support/command.js';
import { openTestDatabase } from '../../support/database.js';
import { joinPatterns } from '../../support/join-patterns.js';
import { databaseUrl } from '../../support/template-database.js';

const onPostgres = inject('template').kind === 'postgres';
const suffix = `${process.pid}_${Date.now().toString(36)}`;
const LOGIN = `weaver_gateway_${suffix}`;
const OWNER = `weaver_owner_${suffix}`;

describe.runIf(onPostgres)('db bootstrap, db up and db doctor on PostgreSQL', () => {
  let fresh: FreshDatabase;
  let admin: string;
  beforeAll(async () => {
    fresh = await freshDatabase();
    admin = fresh.urls!.admin;
  });
  afterAll(async () => {
    await fresh.close();
    for (const role of [LOGIN, OWNER])
      await sqlAt(fresh.urls!.maintenance, `drop role if exists ${role}`);
  });

  const run = (env: Record<string, string>, args: string[], input?: string): Promise<Outcome> =>
    weaver(env, args, input);
  const as = (user: string, password: string): string =>
    databaseUrl(admin, new URL(admin).pathname.slice(1), { user, password });
  /**
   * Whether the server takes the password: it may trust everybody who comes from its own machine,
   * so the stored form is compared too.
   */
  const stored = async (login: string): Promise<string> =>
    (
      await sqlAt<{ rolpassword: string }>(
        admin,
        'select rolpassword from pg_authid where rolname = $1',
        [login],
      )
    )[0]!.rolpassword;

  test('makes what is missing, and tells a generated password once, as settings', async () => {
    const { code, out, err } = await run({ DATABASE_URL: admin }, [
      'db',
      'bootstrap',
      '--login',
      LOGIN,
      '--owner',
      OWNER,
    ]);
    expect(code).toBe(0);
    for (const thing of [
      'extension vector',
      'extension btree_gin',
      `login ${OWNER}`,
      `login ${LOGIN}`,
    ])
      expect(out).toContain(`Created: ${thing}\n`);
    const { host, pathname } = new URL(admin);
    for (const [variable, login] of [
      ['DATABASE_URL', LOGIN],
      ['WEAVER_MIGRATION_URL', OWNER],
    ] as const) {
      const [, url] = new RegExp(`^${variable}=(.*)$`, 'm').exec(out)!;
      expect(new URL(url!)).toMatchObject({
        username: login,
        host,
        pathname,
        password: expect.stringMatching(/^[\w-]{24}$/),
      });
      expect((out + err).split(new URL(url!).password)).toHaveLength(2);
      expect(
        await sqlAt(url!, 'select current_user::text as login, current_database()::text as name'),
      ).toEqual([{ login, name: pathname.slice(1) }]);
    }
    expect(err).toContain(`Next: "npx weaver db up", as ${OWNER}.`);
    expect(await stored(LOGIN)).toMatch(/^SCRAM-SHA-256\$4096:/);
  });

  test('changes nothing when it is run again, the password included', async () => {
    const before = await stored(LOGIN);
    const { code, out } = await run({ DATABASE_URL: admin }, [
      'db',
      'bootstrap',
      '--login',
      LOGIN,
      '--owner',
      OWNER,
    ]);
    expect(code).toBe(0);
    expect(out).not.toMatch(/Made|[Pp]assword|_URL=/);
    expect(out).toContain(`Exists: login ${LOGIN}`);
    expect(await stored(LOGIN)).toBe(before);
  });

  test('sets the password of standard input without printing it', async () => {
    const before = await stored(LOGIN);
    const { code, out, err } = await run(
      { DATABASE_URL: admin },
      ['db', 'bootstrap', '--login', LOGIN, '--password-stdin'],
      'correct horse\n',
    );
    expect(code).toBe(0);
    expect(out).toContain(`Set: the password of ${LOGIN}`);
    expect(out + err).not.toContain('correct horse');
    expect(await stored(LOGIN)).not.toBe(before);
  });

  test('takes login and password from DATABASE_URL when a superuser stands beside it', async () => {
    const other = `${LOGIN}_b`;
    try {
      const { code, out, err } = await run(
        { DATABASE_URL: as(other, 'of my own choice'), WEAVER_MIGRATION_URL: admin },
        ['db', 'bootstrap'],
      );
      expect(code).toBe(0);
      expect(out).toContain(`Created: login ${other}`);
      expect(out + err).not.toContain('of my own choice');
      const client = new Client({ connectionString: as(other, 'of my own choice') });
      await client.connect();
      await client.end();
    } finally {
      await sqlAt(admin, `drop owned by ${other}`).catch(() => {});
      await sqlAt(admin, `drop role if exists ${other}`);
    }
  });

  test('gives the login both roles without their rights', async () => {
    const [login] = await sqlAt(
      admin,
      `select rolcanlogin, rolinherit, rolsuper, rolbypassrls,
        pg_has_role($1, 'weaver_tenant', 'MEMBER') as tenant,
          pg_has_role($1, 'weaver_operator', 'MEMBER') as operator,
              pg_has_role($1, 'weaver_tenant', 'USAGE')
                or pg_has_role($1, 'weaver_operator', 'USAGE') as inherits
         from pg_roles where rolname = $1`,
      [LOGIN],
    );
    expect(login).toEqual({
      rolcanlogin: true,
      rolinherit: false,
      rolsuper: false,
      rolbypassrls: false,
      tenant: true,
      operator: true,
      inherits: false,
    });
  });

  test('does not touch a superuser', async () => {
    const superuser = new URL(admin).username;
    const { code, err } = await run({ DATABASE_URL: admin }, [
      'db',
      'bootstrap',
      '--login',
      superuser,
    ]);
    expect({ code, err }).toEqual({
      code: 1,
      err:
        `The login ${superuser} is a superuser or bypasses row-level security: choose ` +
        'another name.',
    });
    expect(
      await sqlAt(admin, 'select rolinherit from pg_roles where rolname = $1', [superuser]),
    ).toEqual([{ rolinherit: true }]);
  });

  test('says what to do when the login may not', async () => {
    const { code, out, err } = await run({ DATABASE_URL: as(OWNER, 'x') }, [
      'db',
      'bootstrap',
      '--login',
      `${LOGIN}_c`,
    ]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      joinPatterns(
        /^This login may not prepare the database: .*Name a superuser in WEAVER_MIGRATION_URL, /,
        /or hand what "npx weaver db bootstrap --sql" prints/,
      ),
    );
  });

  test('lets the owner migrate, and the gateway serve and no more', async () => {
    const env = {
      DATABASE_URL: as(LOGIN, 'x'),
      WEAVER_MIGRATION_URL: as(OWNER, 'x'),
      NODE_ENV: 'production',
    };
    const early = await run(env, ['serve']);
    expect(early).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^The database \w+ has none of Weaver's tables yet\. Run "npx weaver db up"/,
      ),
    });

    expect(await run({ DATABASE_URL: as(LOGIN, 'x') }, ['db', 'up'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^The migrations cannot go on: permission denied .*WEAVER_MIGRATION_URL/,
      ),
    });
    expect(await run(env, ['db', 'up'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Applied Migration'),
    });

    const doctor = await run(env, ['db', 'doctor']);
    expect(doctor.out).toContain(
      `ok    The login ${LOGIN} owns nothing, inherits nothing and may take both roles`,
    );
    expect(doctor.out).toContain(`on ${ENTITIES.length} tables (owner: ${OWNER})`);
    expect(doctor.out).toContain('ok    Without a role the login sees no row');
    expect(doctor.code).toBe(0);
    // The owner counts rows that forced row-level security hides from it.
    expect(await run({ ...env, NODE_ENV: '' }, ['demo'])).toMatchObject({ code: 0 });
    for (const name of knownMigrations().slice(1).reverse())
      expect(await run(env, ['db', 'down', '--yes'])).toMatchObject({
        code: 0,
        out: `Reverted ${name}`,
      });
    expect(await run(env, ['db', 'down'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('removes the table tenants (3 rows)'),
    });
    expect(await run(env, ['db', 'up'])).toMatchObject({ code: 0 });
    expect(await run({ DATABASE_URL: as(LOGIN, 'x') }, ['db', 'status'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Pending   none'),
    });
    expect(await run({ DATABASE_URL: as(LOGIN, 'x') }, ['db', 'down', '--yes'])).toMatchObject({
      code: 1,
      out: '',
    });
  });

  describe('db doctor finds', () => {
    const gateway = (): Record<string, string> => ({
      DATABASE_URL: as(LOGIN, 'x'),
      NODE_ENV: 'production',
    });
    /** What fails while something is broken, and that nothing does once it is mended. */
    async function failures(breakIt: string, mend: string): Promise<string[]> {
      await sqlAt(admin, breakIt);
      try {
        const { code, out } = await run(gateway(), ['db', 'doctor']);
        expect(code).toBe(1);
        expect(out.split('\n').filter(line => line.startsWith('      → ')).length).toBeGreaterThan(
          0,
        );
        return out
          .split('\n')
          .filter(line => line.startsWith('fail'))
          .map(line => line.slice(6));
      } finally {
        await sqlAt(admin, mend);
      }
    }

    test.each([
      [
        'row-level security that is off',
        'alter table docs disable row level security',
        'alter table docs enable row level security',
        'docs has no row-level security.',
      ],
      [
        'row-level security that is not forced',
        'alter table docs no force row level security',
        'alter table docs force row level security',
        'Row-level security does not apply to the owner of docs.',
      ],
      [
        'a canary that another tenant can see and delete',
        'alter table docs disable row level security',
        'alter table docs enable row level security',
        'As one tenant, the role weaver_tenant can see rows in docs, delete rows in docs ' +
          'of another.',
      ],
      [
        'a canary whose tenant another tenant can add to',
        'alter table bots disable row level security',
        'alter table bots enable row level security',
        'As one tenant, the role weaver_tenant can see rows in bots, delete rows in ' +
          'bots, change rows in bots, add rows to bots of another.',
      ],
      [
        'a policy that is wider',
        'alter policy tenant_isolation on bots using (true)',
        'alter policy tenant_isolation on bots ' +
          "using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)",
        'The policy tenant_isolation of bots is not as it should be.',
      ],
      [
        'a policy that is missing',
        'drop policy operator_all on bots',
        'create policy operator_all on bots to weaver_operator using (true) with check (true)',
        'The policy operator_all of bots is missing.',
      ],
      [
        'a policy too many',
        'create policy support on bots to weaver_tenant using (true)',
        'drop policy support on bots',
        "The policy support of bots shows rows beyond Weaver's policies to weaver_tenant.",
      ],
      [
        'a right to truncate',
        'grant truncate on doc_chunks to weaver_tenant',
        'revoke truncate on doc_chunks from weaver_tenant',
        'weaver_tenant may truncate doc_chunks, which no policy restricts.',
      ],
      [
        'a login without a role',
        `revoke weaver_operator from ${LOGIN}`,
        `grant weaver_operator to ${LOGIN}`,
        `The login ${LOGIN} may not take weaver_operator.`,
      ],
      [
        'a login that inherits',
        `alter role ${LOGIN} inherit`,
        `alter role ${LOGIN} noinherit`,
        `The login ${LOGIN} has the rights of weaver_tenant and weaver_operator without ` +
          'taking the role.',
      ],
      [
        'a login above the policies',
        `alter role ${LOGIN} bypassrls`,
        `alter role ${LOGIN} nobypassrls`,
        `The login ${LOGIN} has BYPASSRLS: a forgotten role would show every tenant's rows.`,
      ],
      [
        'migrations that are pending',
        `delete from mikro_orm_migrations`,
        `insert into mikro_orm_migrations (name) values ${knownMigrations()
          .map(name => `('${name}')`)
          .join()}`,
        "None of Weaver's tables are there yet.",
      ],
    ])('%s', async (_, breakIt, mend, message) => {
      expect(await failures(breakIt, mend)).toContain(message);
    });

    test('nothing, once all of that is mended', async () => {
      expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({ code: 0 });
    });

    test('a migration that was edited after it was applied, as a warning', async () => {
      const name = knownMigrations().at(-1)!;
      await sqlAt(admin, `update mikro_orm_migrations set sql_hash = 'x' where name = '${name}'`);
      try {
        expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
          code: 0,
          out: expect.stringContaining(
            `warn  Migrations were edited after they were applied: ${name}.`,
          ),
        });
      } finally {
        await sqlAt(admin, `update mikro_orm_migrations set sql_hash = null where sql_hash = 'x'`);
      }
    });

    test('migrations of a newer version, as a warning', async () => {
      await sqlAt(
        admin,
        `insert into mikro_orm_migrations (name) values ('Migration29990101000000_future')`,
      );
      try {
        expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
          code: 0,
          out: expect.stringContaining(
            'warn  Migrations of another version of Weaver are applied: ' +
              'Migration29990101000000_future.',
          ),
        });
        expect(await run({ DATABASE_URL: admin }, ['db', 'status'])).toMatchObject({
          code: 0,
          out: expect.stringContaining('Migration29990101000000_future'),
        });
        expect(await run({ DATABASE_URL: admin }, ['db', 'down', '--yes'])).toMatchObject({
          code: 1,
          out: '',
          err: expect.stringContaining(
            'This version of Weaver does not have Migration29990101000000_future',
          ),
        });
      } finally {
        await sqlAt(admin, `delete from mikro_orm_migrations where name like '%future'`);
      }
    });

    test('functions that keep searches from indexes: bootstrap mends, check passes', async () => {
      const mark = (how: string): Promise<unknown> =>
        sqlAt(admin, `alter function pg_catalog.ts_match_vq(tsvector, tsquery) ${how}`);
      await mark('not leakproof');
      try {
        expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
          code: 0,
          out: expect.stringContaining(
            'warn  ts_match_vq is not marked leakproof: searches by words',
          ),
        });
        expect(await run({ DATABASE_URL: admin }, ['db', 'check'])).toMatchObject({ code: 0 });
        expect(await run({ DATABASE_URL: admin }, ['db', 'bootstrap'])).toMatchObject({ code: 0 });
        expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
          code: 0,
          out: expect.stringContaining('ok    Searches by words and by metadata use their indexes'),
        });
      } finally {
        await mark('leakproof');
      }
    });

    test('an unmarked sort key: bootstrap mends it for the owner of the tables alone', async () => {
      const warning = 'warn  weaver_sort_key is not marked leakproof: lists by name are correct';
      await sqlAt(admin, 'alter function weaver_sort_key(text) not leakproof');
      expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
        code: 0,
        out: expect.stringContaining(warning),
      });
      expect(await run({ DATABASE_URL: admin }, ['db', 'check'])).toMatchObject({ code: 0 });
      const [{ owner }] = (await sqlAt<{ owner: string }>(
        admin,
        `select proowner::regrole::text as owner from pg_proc where proname = 'weaver_sort_key'`,
      )) as [{ owner: string }];
      await sqlAt(admin, 'alter function weaver_sort_key(text) owner to weaver_operator');
      expect(await run({ DATABASE_URL: admin }, ['db', 'bootstrap'])).toMatchObject({ code: 0 });
      expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
        out: expect.stringContaining(warning),
      });
      await sqlAt(admin, `alter function weaver_sort_key(text) owner to ${owner}`);
      expect(await run({ DATABASE_URL: admin }, ['db', 'bootstrap'])).toMatchObject({ code: 0 });
      expect(await run(gateway(), ['db', 'doctor'])).toMatchObject({
        code: 0,
        out: expect.stringContaining(
          'ok    Lists by name find their pages by an index under row-level security',
        ),
      });
    });

    test('a superuser: a warning, and in production a failure', async () => {
      const message =
        `The login ${new URL(admin).username} is a superuser: a forgotten role would show ` +
        "every tenant's rows.";
      expect(await run({ DATABASE_URL: admin }, ['db', 'doctor'])).toMatchObject({
        code: 0,
        out: expect.stringContaining(`warn  ${message}`),
      });
      expect(
        await run({ DATABASE_URL: admin, NODE_ENV: 'production' }, ['db', 'doctor']),
      ).toMatchObject({ code: 1, out: expect.stringContaining(`fail  ${message}`) });
    });
  });

  describe('serve refuses', () => {
    const gateway = (): Record<string, string> => ({
      DATABASE_URL: as(LOGIN, 'x'),
      LOG_LEVEL: 'silent',
      PORT: '0',
    });
    async function refusal(breakIt: string, mend: string, env = gateway()): Promise<string> {
      await sqlAt(admin, breakIt);
      try {
        const { code, out, err } = await run(env, ['serve']);
        expect({ code, out }).toEqual({ code: 1, out: '' });
        expect(err).not.toContain('\n');
        return err;
      } finally {
        await sqlAt(admin, mend);
      }
    }

    test('pending migrations', async () => {
      const name = 'Migration20261123000000_initial';
      expect(
        await refusal(
          `update mikro_orm_migrations set name = 'Migration1' where name = '${name}'`,
          `update mikro_orm_migrations set name = '${name}' where name = 'Migration1'`,
        ),
      ).toMatch(
        joinPatterns(
          /^The database \w+ has 1 pending migration \(Migration20261123000000_initial\)\. /,
          /Run "npx weaver db up" \(or "npx mikro-orm migration:up"\), then start again\.$/,
        ),
      );
    });

    test('a login that is no member of a role', async () => {
      expect(
        await refusal(`revoke weaver_tenant from ${LOGIN}`, `grant weaver_tenant to ${LOGIN}`),
      ).toBe(
        `The login ${LOGIN} may not take the role weaver_tenant. Run "npx weaver db ` +
          `bootstrap --login ${LOGIN}" as a superuser, then start again.`,
      );
    });

    test('a superuser, in production', async () => {
      expect(
        await refusal('select 1', 'select 1', { DATABASE_URL: admin, NODE_ENV: 'production' }),
      ).toMatch(
        joinPatterns(
          /is a superuser, so a forgotten role would show every tenant's rows\. /,
          /Make a login of its own with "weaver db bootstrap --login <name>"/,
        ),
      );
    });

    test('a database that does not exist, without making it', async () => {
      const url = databaseUrl(admin, `weaver_missing_${suffix}`);
      expect(await refusal('select 1', 'select 1', { DATABASE_URL: url })).toMatch(
        new RegExp(
          `has no database weaver_missing_${suffix}\\. Create it, for example with ` +
            `"createdb weaver_missing_${suffix}", or correct DATABASE_URL\\.$`,
        ),
      );
      expect(await run({ DATABASE_URL: url }, ['db', 'up'])).toMatchObject({ code: 1, out: '' });
      expect(
        await sqlAt(admin, 'select from pg_database where datname = $1', [
          `weaver_missing_${suffix}`,
        ]),
      ).toEqual([]);
    });

    test('a server that is not there', async () => {
      expect(
        await refusal('select 1', 'select 1', {
          DATABASE_URL: 'postgresql://weaver:secret@127.0.0.1:1/weaver',
        }),
      ).toBe(
        'PostgreSQL at 127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1. ' +
          'Check DATABASE_URL and that the server is running.',
      );
    });

    test('a login that the server does not know', async () => {
      expect(
        await refusal('select 1', 'select 1', {
          DATABASE_URL: as(`weaver_nobody_${suffix}`, 'secret'),
        }),
      ).toMatch(
        / refuses the login weaver_nobody_\w+: .* Check user and password in DATABASE_URL\.$/,
      );
    });
  });
});

describe('the statements of bootstrap', () => {
  // The embedded database is of a version in which an option of the membership counts rather than
  // an attribute of the login.
  test('give the login both roles without their rights, and may be run twice', async () => {
    const db = await openTestDatabase();
    const login = `Mixed-case_${suffix}`;
    try {
      const statements = bootstrapSteps({ login, owner: OWNER }).flatMap(step => step.statements);
      for (let round = 0; round < 2; round += 1)
        for (const sql of statements) await db.asSuperuser(sql);
      const [row] = await db.asSuperuser(
        `select rolinherit, pg_has_role(rolname, 'weaver_tenant', 'MEMBER') as tenant,
          pg_has_role(rolname, 'weaver_operator', 'MEMBER') as operator,
                pg_has_role(rolname, 'weaver_tenant', 'USAGE')
                  or pg_has_role(rolname, 'weaver_operator', 'USAGE') as inherits
           from pg_roles where rolname = ?`,
        [login],
      );
      expect(row).toEqual({ rolinherit: false, tenant: true, operator: true, inherits: false });
      if (db.database.kind === 'embedded') {
        expect(
          await bootstrap(
            db.database,
            { login },
            new Map([[login, 'SCRAM-SHA-256$4096:c2FsdA==$AAAA:BBBB']]),
          ),
        ).toMatchObject({ created: [], found: expect.arrayContaining([`login ${login}`]) });
      }
    } finally {
      for (const role of [login, OWNER]) {
        await db.asSuperuser(`drop owned by "${role}"`);
        await db.asSuperuser(`drop role if exists "${role}"`);
      }
      await db.close();
    }
  });
});
