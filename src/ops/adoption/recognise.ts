import { compareVersions, MIN_VECTOR_VERSION } from '../server-checks.js';
import {
  isLegacyConstraint,
  isLegacyIndex,
  isLegacyTrigger,
  LEGACY_FUNCTIONS,
  legacyTables,
  REVISIONS,
  VERSION_TABLE,
  type LegacyTable,
  type Revision,
} from './legacy-schema.js';
import { ADOPTION_TABLE } from './names.js';
import { LOG_TABLE } from '../migrations/log.js';

/** Runs one statement in the transaction of the adoption. */
/**
 * Statements have `?` parameters. A list would be spread over several: `pgArray` makes one of it.
 */
export type RunQuery = <R = Record<string, unknown>>(
  sql: string,
  parameters?: readonly (string | number | boolean | null)[],
) => Promise<R[]>;

/** What a database is to adoption. */
export type Recognised =
  | {
      readonly kind: 'legacy';
      readonly revision: Revision;
      readonly tables: readonly LegacyTable[];
      readonly migrationsTable: boolean;
      /** Those that used the tables and that policies will hold. */
      readonly otherLogins: readonly string[];
    }
  | { readonly kind: 'adopted' | 'ours' | 'empty' }
  | { readonly kind: 'unknown'; readonly problems: readonly string[] };

/** What of the schema no extension made. */
const OBJECTS_OF = (catalogue: string, alias: string): string =>
  `not exists (select from pg_depend x where x.classid = '${catalogue}'::regclass and ` +
  `x.objid = ${alias}.oid and x.deptype = 'e')`;
const HERE = `current_schema()::regnamespace`;
const TABLE_HERE = (column: string): string =>
  `${column} in (select oid from pg_class where relnamespace = ${HERE} and relkind in ` +
  "('r', 'p') and relname = any(?))";

/**
 * Reads the catalogue alone, and says what the database is; of a legacy one with anything unknown
 * in it, everything that is.
 */
export async function recogniseDatabase(run: RunQuery): Promise<Recognised> {
  const relations = await run<{
    name: string;
    kind: string;
    mine: boolean;
    owner: string;
    rowSecurity: boolean;
    grantees: string[];
  }>(
    `select c.relname::text as name, c.relkind::text as kind,
            pg_has_role(current_user, c.relowner, 'USAGE') as mine,
            pg_get_userbyid(c.relowner)::text as owner, c.relrowsecurity as "rowSecurity",
            array(select distinct pg_get_userbyid(a.grantee)::text from aclexplode(c.relacl) a
                   where a.grantee <> 0 and a.grantee <> c.relowner) as grantees
       from pg_class c
      where c.relnamespace = ${HERE} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and ${OBJECTS_OF('pg_class', 'c')}
      order by 1`,
  );
  const names = new Set(relations.map(relation => relation.name));
  if (names.has(ADOPTION_TABLE)) return { kind: 'adopted' };
  if (!names.has(VERSION_TABLE))
    return names.has(LOG_TABLE) && names.has('tenants')
      ? { kind: 'ours' }
      : names.has('tenants')
        ? withoutVersion()
        : { kind: 'empty' };

  const version = await revisionOf(run);
  if ('problem' in version) return { kind: 'unknown', problems: [version.problem] };
  const tables = legacyTables(version.revision);
  const expected = [...tables.map(table => table.name), VERSION_TABLE];
  // Whoever tried "db up" on an older database left an empty log of migrations.
  const migrationsTable = names.has(LOG_TABLE) && (await isEmpty(run, LOG_TABLE));
  const problems = [
    ...expected.filter(name => !names.has(name)).map(name => `The table ${name} is missing.`),
    ...relations
      .filter(
        ({ name }) => !expected.includes(name) && !(migrationsTable && name.startsWith(LOG_TABLE)),
      )
      .map(({ name, kind }) => `${RELATION[kind]} ${name}`),
    ...relations
      .filter(({ name, mine }) => expected.includes(name) && !mine)
      .map(
        ({ name, owner }) =>
          `${name} belongs to ${owner}: adopt as ${owner} or as a member of it ` +
          '(WEAVER_MIGRATION_URL).',
      ),
    ...relations
      .filter(({ name, rowSecurity }) => expected.includes(name) && rowSecurity)
      .map(({ name }) => `row-level security of ${name}`),
    ...(await unknownParts(run, tables, expected)),
    ...(await unknownObjects(run, expected)),
    ...(await vectorProblems(run)),
  ];
  if (problems.length > 0) return { kind: 'unknown', problems };
  const legacy = relations.filter(({ name }) => expected.includes(name));
  const logins = [...new Set(legacy.flatMap(({ owner, grantees }) => [owner, ...grantees]))];
  const held = await run<{ name: string }>(
    'select rolname::text as name from pg_roles where rolname = any(?) and not rolsuper order by 1',
    [pgArray(logins)],
  );
  return {
    kind: 'legacy',
    revision: version.revision,
    tables,
    migrationsTable,
    otherLogins: held.map(({ name }) => name),
  };
}

const RELATION: Record<string, string> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
};

function withoutVersion(): Recognised {
  return {
    kind: 'unknown',
    problems: [`There is no ${VERSION_TABLE}, so nothing says which revision made these tables.`],
  };
}

async function revisionOf(run: RunQuery): Promise<{ revision: Revision } | { problem: string }> {
  const rows = await run<{ version: string }>(
    `select version_num::text as version from ${VERSION_TABLE} order by 1`,
  );
  if (rows.length === 0) return { problem: `${VERSION_TABLE} names no revision.` };
  if (rows.length > 1) {
    const versions = rows.map(row => row.version).join(', ');
    return {
      problem: `${VERSION_TABLE} names ${rows.length} revisions at once (${versions}).`,
    };
  }
  const { version } = rows[0]!;
  // A revision may bear its name after its number.
  const revision = REVISIONS.find(known => version === known || version.startsWith(`${known}_`));
  return revision
    ? { revision }
    : { problem: `The revision ${version} is not one of ${REVISIONS[0]} to ${REVISIONS.at(-1)}.` };
}

async function isEmpty(run: RunQuery, table: string): Promise<boolean> {
  return (await run(`select from ${table} limit 1`)).length === 0;
}

async function unknownParts(
  run: RunQuery,
  tables: readonly LegacyTable[],
  expected: readonly string[],
): Promise<string[]> {
  const columns = await run<{ table: string; name: string; type: string }>(
    `select attrelid::regclass::text as "table", attname::text as name,
            format_type(atttypid, atttypmod) as type
       from pg_attribute
      where attnum > 0 and not attisdropped and ${TABLE_HERE('attrelid')}
      order by attrelid, attnum`,
    [pgArray(expected)],
  );
  const constraints = await run<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as "table", conname::text as name,
            replace(pg_get_constraintdef(oid), ' NOT VALID', '') as definition
       from pg_constraint
      where contype not in ('n', 't') and ${TABLE_HERE('conrelid')}
      order by 1, 2`,
    [pgArray(expected)],
  );
  const indexes = await run<{ table: string; name: string; form: string }>(
    `select i.indrelid::regclass::text as "table", c.relname::text as name,
            substr(pg_get_indexdef(i.indexrelid),
                   position(' USING ' in pg_get_indexdef(i.indexrelid)) + 7) as form
       from pg_index i join pg_class c on c.oid = i.indexrelid
      where not exists (select from pg_constraint
                         where conindid = i.indexrelid and conrelid = i.indrelid)
        and ${TABLE_HERE('i.indrelid')}
      order by 1, 2`,
    [pgArray(expected)],
  );
  const triggers = await run<{ table: string; name: string }>(
    'select tgrelid::regclass::text as "table", tgname::text as name from pg_trigger ' +
      `where not tgisinternal and ${TABLE_HERE('tgrelid')} order by 1, 2`,
    [pgArray(expected)],
  );
  return [
    ...columnProblems(tables, columns),
    ...tables
      .filter(
        ({ name }) =>
          columns.some(column => column.table === name) &&
          !constraints.some(
            ({ table, definition }) => table === name && definition === 'PRIMARY KEY (id)',
          ),
      )
      .map(({ name }) => `${name} has no primary key on id.`),
    ...constraints
      .filter(({ table, definition }) => !isLegacyConstraint(table, definition))
      .map(({ table, name, definition }) => `constraint ${name} of ${table}: ${definition}`),
    ...indexes
      .filter(({ table, name, form }) => !isLegacyIndex(table, name, form))
      .map(({ table, name, form }) => `index ${name} of ${table}: ${form}`),
    ...triggers
      .filter(({ table, name }) => !isLegacyTrigger(table, name))
      .map(({ table, name }) => `trigger ${name} of ${table}`),
  ];
}

function columnProblems(
  tables: readonly LegacyTable[],
  found: readonly { table: string; name: string; type: string }[],
): string[] {
  return tables.flatMap(({ name: table, columns }) => {
    const own = found.filter(column => column.table === table);
    if (own.length === 0) return [];
    return [
      ...Object.keys(columns)
        .filter(name => !own.some(column => column.name === name))
        .map(name => `The column ${table}.${name} is missing.`),
      ...own.flatMap(({ name, type }) => {
        if (columns[name] === undefined) return [`column ${table}.${name} (${type})`];
        // An extension's type bears its schema's name where that is not in the path.
        return type.replace(/^\w+\.(?=vector\()/, '') === columns[name]
          ? []
          : [`column ${table}.${name} is ${type}, not ${columns[name]}`];
      }),
    ];
  });
}

/** Whatever else stands in the schema, or hangs on its tables from elsewhere. */
async function unknownObjects(run: RunQuery, expected: readonly string[]): Promise<string[]> {
  const rows = await run<{ text: string }>(
    `select 'function ' || p.oid::regprocedure as text from pg_proc p
      where p.pronamespace = ${HERE} and ${OBJECTS_OF('pg_proc', 'p')}
        and not (p.proname || '()' = any(?) and p.pronargs = 0)
      union all
     select 'type ' || t.typname from pg_type t where t.typnamespace = ${HERE} and t.typrelid = 0
       and t.typelem = 0 and ${OBJECTS_OF('pg_type', 't')}
      union all
     select 'policy ' || polname || ' of ' || polrelid::regclass from pg_policy
       where ${TABLE_HERE('polrelid')}
      union all
     select 'foreign key ' || conname || ' of ' || conrelid::regclass from pg_constraint
       where contype = 'f' and ${TABLE_HERE('confrelid')} and not (${TABLE_HERE('conrelid')})
      union all
     select distinct 'view ' || r.ev_class::regclass from pg_rewrite r
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
      where d.refclassid = 'pg_class'::regclass and ${TABLE_HERE('d.refobjid')}
        and r.ev_class <> d.refobjid
        and (select relnamespace from pg_class where oid = r.ev_class) <> ${HERE}
      union all
     select 'heir ' || inhrelid::regclass || ' of ' || inhparent::regclass from pg_inherits
       where ${TABLE_HERE('inhparent')}
      order by 1`,
    [pgArray(LEGACY_FUNCTIONS), ...Array.from({ length: 5 }, () => pgArray(expected))],
  );
  return rows.map(row => row.text);
}

async function vectorProblems(run: RunQuery): Promise<string[]> {
  const [row] = await run<{ version: string | null }>(
    `select (select extversion from pg_extension where extname = 'vector') as version`,
  );
  if (row!.version !== null && compareVersions(row!.version, MIN_VECTOR_VERSION) >= 0) return [];
  return [
    `pgvector ${row!.version ?? '(missing)'}: Weaver needs ${MIN_VECTOR_VERSION} or ` +
      'later. Install it, then run "alter extension vector update".',
  ];
}

/** An array of names as PostgreSQL reads it. */
export function pgArray(names: readonly string[]): string {
  return `{${names.map(name => `"${name.replace(/["\\]/g, '\\$&')}"`).join()}}`;
}
