import { STALE_SCRATCH_DATABASES } from '../backup/scratch.js';
import { encodingProblem } from '../database-encoding.js';
import type { Database } from '../../db/database.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { LOG_TABLE } from '../migrations/log.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../db/roles.js';
import { SCHEMA, schemaProblem } from '../../db/weavers-schema.js';

/**
 * What around Weaver's tables, in the database and on its server, makes answers wrong or rows
 * visible. Reads catalogues only.
 */
export async function examineSurroundings(database: Database): Promise<Finding[]> {
  const found = await Promise.all(
    [
      examineWrites,
      examineEncoding,
      examineSchemas,
      examineCollations,
      examineIndexes,
      examineGrantees,
      examineDefaultPrivileges,
      examineScratchDatabases,
    ].map(examine => examine(database)),
  );
  return found.flat();
}

const query = <R>(database: Database, sql: string): Promise<R[]> =>
  database.orm.em.getDriver().getConnection().execute(sql);
const list = (names: readonly string[]): string => names.join(', ');

/** A gateway that cannot write answers queries, and fails at every mutation. */
async function examineWrites(database: Database): Promise<Finding[]> {
  const [{ standby, readOnly, login }] = (await query<{
    standby: boolean;
    readOnly: boolean;
    login: string;
  }>(
    database,
    'select pg_is_in_recovery() as standby, ' +
      `current_setting('default_transaction_read_only') = 'on' as "readOnly", ` +
      'current_user::text as login',
  )) as [{ standby: boolean; readOnly: boolean; login: string }];
  if (standby)
    return [
      fail(
        'This server is a standby, which takes no writes.',
        'Lead DATABASE_URL to the primary. With target_session_attrs=primary in it a ' +
          'standby is refused.',
      ),
    ];
  return readOnly
    ? [
        fail(
          `The login ${login} takes no writes: default_transaction_read_only is on.`,
          'Turn it off for the login, for the database, or in the address, wherever it was set.',
        ),
      ]
    : [];
}

async function examineEncoding(database: Database): Promise<Finding[]> {
  const found = await encodingProblem(sql => query(database, sql));
  return found ? [fail(found.problem, found.mend)] : [];
}

/**
 * Whoever creates tables without naming a schema creates them in the first of search_path that is
 * there.
 */
async function examineSchemas(database: Database): Promise<Finding[]> {
  const problem = await schemaProblem(sql => query(database, sql));
  const others = await query<{ schema: string }>(
    database,
    'select n.nspname::text as schema from pg_class c ' +
      `join pg_namespace n on n.oid = c.relnamespace where c.relname = '${LOG_TABLE}' ` +
      `and c.relkind = 'r' and n.nspname <> '${SCHEMA}' order by 1`,
  );
  const findings: Finding[] = problem ? [fail(problem.problem, problem.mend)] : [];
  if (others.length > 0) {
    findings.push(
      warn(
        'Migrations were applied to the schema ' +
          `${list(others.map(({ schema }) => schema))}, too, which Weaver does not use.`,
        `If those tables hold no rows that you need, drop that schema.`,
      ),
    );
  }
  return findings;
}

/**
 * A collation is rules of the operating system's. When those change, indexes on text are in an
 * order that no longer is.
 */
async function examineCollations(database: Database): Promise<Finding[]> {
  const rows = await query<{ what: string; made: string; now: string; refresh: string }>(
    database,
    `select 'The database''s collation' as what, datcollversion as made,
            pg_database_collation_actual_version(oid) as now,
            format('alter database %I refresh collation version', datname) as refresh
       from pg_database
      where datname = current_database()
        and datcollversion <> pg_database_collation_actual_version(oid)
     union all
     select format('The collation %s', collname), collversion, pg_collation_actual_version(c.oid),
            format('alter collation %I.%I refresh version', n.nspname, collname)
       from pg_collation c join pg_namespace n on n.oid = c.collnamespace
      where collversion <> pg_collation_actual_version(c.oid)
        and exists (select from pg_attribute a join pg_class t on t.oid = a.attrelid
                     where a.attcollation = c.oid and t.relkind in ('r', 'p', 'i')
                       and t.relnamespace = '${SCHEMA}'::regnamespace)`,
  );
  const [{ name }] = (await query<{ name: string }>(
    database,
    'select quote_ident(current_database()) as name',
  )) as [{ name: string }];
  return rows.map(({ what, made, now, refresh }) =>
    fail(
      `${what} was version ${made} when indexes on text were built, and the server now ` +
        `has ${now}: pages can lack rows, and duplicates can be stored.`,
      `As the owner: reindex database ${name}; then: ${refresh}.`,
    ),
  );
}

async function examineIndexes(database: Database): Promise<Finding[]> {
  const rows = await query<{ name: string; building: boolean }>(
    database,
    `select format('%I.%I', n.nspname, c.relname) as name,
            exists (select from pg_stat_progress_create_index p
                     where p.index_relid = c.oid) as building
       from pg_index i
       join pg_class c on c.oid = i.indexrelid
       join pg_namespace n on n.oid = c.relnamespace
      where not i.indisvalid and n.nspname = '${SCHEMA}'
      order by 1`,
  );
  return rows.map(({ name, building }) =>
    building
      ? ok(`The index ${name} is being built`)
      : warn(
          `The index ${name} is invalid, as an interrupted build leaves it: no query ` +
            'uses it, and every write updates it.',
          `As its owner: drop index concurrently ${name}. Then repeat what should have built it.`,
        ),
  );
}

interface Grant {
  table: string;
  grantee: string;
  privileges: string[];
}

/**
 * Policies say nothing of truncate, triggers run as whoever writes, and some tables have no
 * policies at all.
 */
async function examineGrantees(database: Database): Promise<Finding[]> {
  const rows = await query<Grant>(
    database,
    `select c.relname::text as "table", coalesce(r.rolname::text, 'public') as grantee,
            array_agg(lower(a.privilege_type) order by 1) as privileges
       from pg_class c
      cross join lateral aclexplode(c.relacl) a
       left join pg_roles r on r.oid = a.grantee
      where c.relnamespace = '${SCHEMA}'::regnamespace and c.relkind in ('r', 'p')
        and a.grantee <> c.relowner
        and coalesce(r.rolname, 'public') not in ('${TENANT_ROLE}', '${OPERATOR_ROLE}')
        and not coalesce(r.rolsuper, false)
        and (a.privilege_type in ('TRUNCATE', 'TRIGGER') or not c.relrowsecurity)
      group by 1, 2 order by 2, 1`,
  );
  const byGrantee = Map.groupBy(rows, ({ grantee }) => grantee);
  return [...byGrantee].map(([grantee, grants]) => {
    const what = grants.map(({ table, privileges }) => `${table} (${list(privileges)})`);
    const grantText =
      what.length > 4 ? `${list(what.slice(0, 4))} and ${what.length - 4} more` : list(what);
    return fail(
      `${grantee} has rights that no policy restricts: ${grantText}.`,
      `As the owner: revoke all on all tables in schema ${SCHEMA} from ${grantee}. Then ` +
        'grant again what it should read.',
    );
  });
}

/**
 * Rights that every table gets when it is made, such as some providers set up for logins of their
 * own.
 */
async function examineDefaultPrivileges(database: Database): Promise<Finding[]> {
  const rows = await query<{ owner: string; grantees: string[] }>(
    database,
    `select pg_get_userbyid(d.defaclrole)::text as owner,
            array_agg(distinct coalesce(r.rolname::text, 'public')) as grantees
       from pg_default_acl d
      cross join lateral aclexplode(d.defaclacl) a
       left join pg_roles r on r.oid = a.grantee
      where d.defaclobjtype = 'r' and d.defaclnamespace in (0, '${SCHEMA}'::regnamespace)
        and a.grantee <> d.defaclrole
      group by 1 order by 1`,
  );
  return rows.map(({ owner, grantees }) =>
    warn(
      `Tables that ${owner} makes in ${SCHEMA} are granted to ${list(grantees)} by ` +
        'default, so that a migration opens new tables to them.',
      `alter default privileges for role ${owner} in schema ${SCHEMA} revoke all on ` +
        `tables from ${list(grantees)}`,
    ),
  );
}

async function examineScratchDatabases(database: Database): Promise<Finding[]> {
  const rows = await query<{ name: string }>(database, STALE_SCRATCH_DATABASES);
  return rows.map(({ name }) =>
    warn(
      `The database ${name} holds a copy of all rows: a backup was interrupted while it ` +
        'checked its file there.',
      `drop database ${name}`,
    ),
  );
}
