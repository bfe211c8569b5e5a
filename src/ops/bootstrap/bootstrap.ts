import { escapeIdentifier, escapeLiteral } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import { reason } from '../connection-errors.js';
import { refuseOtherEncoding } from '../database-encoding.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../db/roles.js';
import { SCHEMA } from '../../db/weavers-schema.js';

/** Extensions that the migrations use. */
export const EXTENSIONS = ['vector', 'btree_gin'] as const;

/**
 * Behind `@@` and `@>`: PostgreSQL asks an index before a tenant's policy only with functions that
 * are known to leak nothing.
 */
export const INDEXED_UNDER_POLICIES = [
  'ts_match_vq(tsvector, tsquery)',
  'jsonb_contains(jsonb, jsonb)',
] as const;

/** Of Weaver's own, behind lists by name; there once the migrations have run. */
export const SORT_KEY_SIGNATURE = 'weaver_sort_key(text)';

export interface BootstrapPlan {
  /**
   * The gateway's own login: owner of nothing, and of Weaver's roles a member without their rights
   * until it takes one.
   */
  readonly login?: string | undefined;
  /** The login that runs migrations and so owns the tables. */
  readonly owner?: string | undefined;
}

/** Names that need no thought about quoting, in SQL or in a URL. */
const LOGIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** Why `name` cannot be a login; undefined where it can. */
export function loginNameProblem(name: string): string | undefined {
  if (!LOGIN_NAME.test(name))
    return (
      'A login is named by 1 to 63 letters, digits, underscores and hyphens, and does not ' +
      'begin with a digit or hyphen.'
    );
  if (/^pg_/i.test(name) || [TENANT_ROLE, OPERATOR_ROLE, 'public', 'none'].includes(name))
    return `${name} is taken by PostgreSQL or by Weaver's own roles.`;
  return undefined;
}

interface Step {
  readonly why: string;
  readonly statements: readonly string[];
}

/**
 * All that Weaver needs of a database before its migrations, in statements that may be run again.
 * Holds no password.
 */
export function bootstrapSteps({ login, owner }: BootstrapPlan): Step[] {
  return [
    {
      why: 'Vectors, and their indexes beside other columns.',
      statements: EXTENSIONS.map(name => `create extension if not exists ${name}`),
    },
    {
      why: 'The roles that a transaction takes. They cannot log in.',
      statements: [TENANT_ROLE, OPERATOR_ROLE].map(name => createRole(name, 'nologin')),
    },
    {
      why: 'Whoever takes one of them finds the tables.',
      statements: [`grant usage on schema public to ${TENANT_ROLE}, ${OPERATOR_ROLE}`],
    },
    {
      why:
        'Searches by words and by metadata use their indexes under row-level security. ' +
        'Without it they read all chunks of the tenant.',
      statements: INDEXED_UNDER_POLICIES.map(leakproof),
    },
    {
      why:
        'Lists by name find their pages by an index under row-level security, once the ' +
        'migrations have run. Run it again then.',
      statements: [SORT_KEY_LEAKPROOF],
    },
    ...(owner === undefined ? [] : [stepOfOwner(owner)]),
    ...(login === undefined ? [] : [stepOfLogin(login)]),
  ];
}

/** The steps as a script for `psql`, to be run by a superuser in the database itself. */
export function bootstrapScript(plan: BootstrapPlan): string {
  const steps = bootstrapSteps(plan).map(
    ({ why, statements }) => `-- ${why}\n${statements.map(sql => `${sql};\n`).join('')}`,
  );
  const logins = [plan.owner, plan.login].filter(name => name !== undefined);
  const passwords = logins.map(name => `--   \\password ${name}\n`).join('');
  return [
    '-- Prepares this database for Weaver. Run it as a superuser, connected to the ' +
      'database itself; running it again is harmless.\n',
    "-- Extensions and functions are looked up and made in the schema of Weaver's " +
      `tables.\nset search_path = ${SCHEMA};\n`,
    ...steps,
    ...(passwords && [`-- Passwords are not in this script. In psql:\n${passwords}`]),
    '-- Then, as the owner of the tables to be: npx weaver db up\n',
  ].join('\n');
}

export interface BootstrapReport {
  readonly created: readonly string[];
  readonly found: readonly string[];
}

/**
 * Runs the steps as whoever `database` was opened by, and tells what was missing. Sets the
 * passwords that are given, as they are to be stored.
 */
export async function bootstrap(
  database: Database,
  plan: BootstrapPlan,
  passwords: ReadonlyMap<string, string>,
): Promise<BootstrapReport> {
  const connection = database.orm.em.getDriver().getConnection();
  try {
    return await connection.transactional(async transaction => {
      const run = <R>(sql: string): Promise<R[]> => connection.execute(sql, [], 'all', transaction);
      await refuseOtherEncoding(run);
      const things = thingsOf(plan);
      const before = await existingThings(run);
      for (const { statements } of bootstrapSteps(plan))
        for (const sql of statements) await run(sql);
      for (const [login, stored] of passwords)
        await run(`alter role ${escapeIdentifier(login)} password ${escapeLiteral(stored)}`);
      return {
        created: things.filter(thing => !before.has(thing)),
        found: things.filter(thing => before.has(thing)),
      };
    });
  } catch (error) {
    throw asStartupError(error);
  }
}

/** Whether a login of this name exists. */
export async function loginExists(database: Database, name: string): Promise<boolean> {
  const rows = await database.orm.em
    .getDriver()
    .getConnection()
    .execute<{ exists: boolean }[]>(
      'select exists (select from pg_roles where rolname = ?) as exists',
      [name],
    );
  return rows[0]!.exists;
}

function thingsOf({ login, owner }: BootstrapPlan): string[] {
  return [
    ...EXTENSIONS.map(name => `extension ${name}`),
    ...[TENANT_ROLE, OPERATOR_ROLE].map(name => `role ${name}`),
    ...[owner, login].filter(name => name !== undefined).map(name => `login ${name}`),
  ];
}

async function existingThings(run: <R>(sql: string) => Promise<R[]>): Promise<Set<string>> {
  const rows = await run<{ thing: string }>(
    `select 'extension ' || extname as thing from pg_extension
     union all
     select case when rolcanlogin then 'login ' else 'role ' end || rolname from pg_roles`,
  );
  return new Set(rows.map(row => row.thing));
}

/**
 * SQLSTATE codes: no right to do it; not installed on the server; raised by a statement of ours.
 */
const NOT_ALLOWED = '42501';
const NOT_INSTALLED = new Set(['0A000', '58P01']);
const RAISED = 'P0001';

function asStartupError(error: unknown): unknown {
  const { code } = error as { code?: string };
  if (code === RAISED) return new StartupError(`${reason(error)}.`, { cause: error });
  if (code === NOT_ALLOWED) {
    return new StartupError(
      `This login may not prepare the database: ${reason(error)}. Name a superuser in ` +
        'WEAVER_MIGRATION_URL, or hand what "npx weaver db bootstrap --sql" prints to ' +
        'whoever is one.',
      { cause: error },
    );
  }
  if (code && NOT_INSTALLED.has(code)) {
    const install = "Install pgvector (0.8.2 or later) and PostgreSQL's contrib modules on it.";
    return new StartupError(`The server lacks an extension: ${reason(error)}. ${install}`, {
      cause: error,
    });
  }
  return error;
}

// Two databases of one cluster may be prepared at the same moment: losing the race to make a role
// is fine.
function createRole(name: string, attributes: string): string {
  return `do $do$ begin
  if not exists (select from pg_roles where rolname = ${escapeLiteral(name)}) then
    create role ${escapeIdentifier(name)} ${attributes};
  end if;
exception
  when duplicate_object or unique_violation then null;
end $do$`;
}

// Only a real superuser may say so, which managed servers do not give away: no reason to fail, for
// it is a matter of time alone.
function leakproof(signature: string): string {
  return (
    `do $do$ begin
  alter function pg_catalog.${signature} leakproof;
exception when insufficient_privilege then
  raise notice 'Not allowed: pg_catalog.${signature} stays as it is, ` +
    `and large tenants search by words and metadata slowly.';
end $do$`
  );
}

// Only where it is the function of whoever owns the tables: a superuser must not vouch for anybody
// else's.
const SORT_KEY_LEAKPROOF =
  `do $do$ begin
  if exists (
    select from pg_proc p join pg_class c on c.oid = to_regclass('tenants')
     where p.oid = to_regprocedure('${SORT_KEY_SIGNATURE}') and p.proowner = c.relowner
  ) then
    alter function ${SORT_KEY_SIGNATURE} leakproof;
  end if;
exception when insufficient_privilege then
  raise notice 'Not allowed: ${SORT_KEY_SIGNATURE} stays as it is, ` +
  `and later pages of large tenants by name are slow.';
end $do$`;

function ordinaryLogin(name: string, attributes: string): string[] {
  return [
    `do $do$ begin
  if exists (select from pg_roles
              where rolname = ${escapeLiteral(name)} and (rolsuper or rolbypassrls)) then
    raise exception 'The login ${name} is a superuser or bypasses row-level security: ` +
      `choose another name.';
  end if;
end $do$`,
    createRole(name, `login${attributes}`),
    `alter role ${escapeIdentifier(name)} login${attributes}`,
    `do $do$ begin
  execute format('grant connect on database %I to ${escapeIdentifier(name)}', current_database());
end $do$`,
  ];
}

function stepOfOwner(name: string): Step {
  const create = `grant usage, create on schema public to ${escapeIdentifier(name)}`;
  return {
    why: 'The login that runs migrations and owns the tables.',
    statements: [...ordinaryLogin(name, ''), create],
  };
}

function stepOfLogin(name: string): Step {
  const why =
    "The gateway's own login. It owns nothing, and without taking a role it sees nothing.";
  return { why, statements: [...ordinaryLogin(name, ' noinherit'), ...memberships(name)] };
}

// From PostgreSQL 16 on, what counts is the option of the membership; before, the attribute of the
// login. Executed as text, because an older server does not understand it.
function memberships(login: string): string[] {
  return [TENANT_ROLE, OPERATOR_ROLE].map(
    role => `do $do$ begin
  if current_setting('server_version_num')::int >= 160000 then
    execute 'grant ${role} to ${escapeIdentifier(login)} with inherit false, set true';
  else
    grant ${role} to ${escapeIdentifier(login)};
  end if;
end $do$`,
  );
}
