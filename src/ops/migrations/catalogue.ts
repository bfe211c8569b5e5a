/** Runs SQL as somebody who may see everything. */
export type RunSql = <R>(sql: string) => Promise<R[]>;

/**
 * All of a database that migrations make, by name, as PostgreSQL itself tells it; the same on every
 * version and for every owner.
 */
export interface Catalogue {
  extensions: string[];
  roles: Record<string, string>;
  tables: Record<string, CatalogueTable>;
  functions: Record<string, string[]>;
  others: string[];
}

export interface CatalogueTable {
  options: string[];
  rowSecurity: string;
  columns: string[];
  constraints: string[];
  indexes: string[];
  triggers: string[];
  policies: string[];
  grants: string[];
}

const TABLES = `
  select c.oid::text as oid, c.relname::text as name,
         coalesce(c.reloptions::text[], '{}') as options,
         concat_ws(', ', case when c.relrowsecurity then 'enabled' else 'off' end,
           case when c.relforcerowsecurity then 'forced' end) as "rowSecurity"
    from pg_class c
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
     and NOT_OF_EXTENSION(pg_class, c)`;

// The storage of each column is told, as is what no entity can say: statistics, compression,
// generation.
const COLUMNS = `
  select a.attrelid::text as oid, concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
           case when a.attnotnull then 'not null' end,
           case when a.attidentity <> '' then 'identity' end,
           case when d.adbin is not null then
             case when a.attgenerated = 's' then 'generated as ' else 'default ' end ||
             pg_get_expr(d.adbin, d.adrelid) end,
           case a.attgenerated when 's' then 'stored' end,
           'storage ' || case a.attstorage when 'p' then 'plain' when 'm' then 'main'
                                           when 'x' then 'extended' else 'external' end,
           case when a.attcompression <> '' then 'compression ' || a.attcompression::text end,
           case when coalesce(a.attstattarget, -1) >= 0
                then 'statistics ' || a.attstattarget end) as text
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attnum > 0 and not a.attisdropped
   order by a.attrelid, a.attnum`;

// From PostgreSQL 18 on, "not null" is a constraint too; it is told with its column.
const CONSTRAINTS = `
  select conrelid::text as oid,
         concat_ws(' ', conname, pg_get_constraintdef(oid),
           case when not convalidated then 'not validated' end) as text
    from pg_constraint where conrelid <> 0 and contype <> 'n'`;

const INDEXES = `
  select indrelid::text as oid,
         concat_ws(' ', pg_get_indexdef(indexrelid),
           case when not indisvalid then 'invalid' end) as text
    from pg_index`;

const TRIGGERS =
  'select tgrelid::text as oid, pg_get_triggerdef(oid) || case tgenabled ' +
  "when 'O' then '' else ' enabled ' || tgenabled::text end as text from pg_trigger " +
  'where not tgisinternal';

const POLICIES = `
  select polrelid::text as oid,
         concat_ws(' ', polname,
           case when polpermissive then 'permissive' else 'restrictive' end,
           'for ' || polcmd::text,
           'to ' || (select string_agg(case when r = 0 then 'public'
                                            else pg_get_userbyid(r)::text end, ', ' order by 1)
                       from unnest(polroles) r),
           'using ' || pg_get_expr(polqual, polrelid),
           'with check ' || pg_get_expr(polwithcheck, polrelid)) as text
    from pg_policy`;

// What the owner may is left out: it depends on who that is, and on the version.
const GRANTS = `
  select c.oid::text as oid,
         concat_ws(' ',
           case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee)::text end,
           lower(a.privilege_type), case when a.is_grantable then 'grantable' end) as text
    from pg_class c, aclexplode(c.relacl) a where a.grantee <> c.relowner
   union all
  select c.oid::text,
         concat_ws(' ',
           case when a.grantee = 0 then 'public' else pg_get_userbyid(a.grantee)::text end,
           lower(a.privilege_type), '(' || t.attname || ')',
           case when a.is_grantable then 'grantable' end)
    from pg_class c
    join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
   where a.grantee <> c.relowner`;

// Whether a function is marked leakproof depends on who migrated: "weaver db doctor" tells of it.
const FUNCTIONS = `
  select p.oid::regprocedure::text as name,
         replace(pg_get_functiondef(p.oid), ' LEAKPROOF', '') as source
    from pg_proc p where p.pronamespace = 'public'::regnamespace and NOT_OF_EXTENSION(pg_proc, p)`;

const OTHERS = `
  select case c.relkind when 'S' then 'sequence ' when 'v' then 'view '
                        when 'm' then 'materialized view ' else 'relation ' end
         || c.relname as name
    from pg_class c
   where c.relnamespace = 'public'::regnamespace
     and c.relkind not in ('r', 'p', 'i', 't', 'c') and NOT_OF_EXTENSION(pg_class, c)
   union all
  select 'type ' || t.typname from pg_type t
   where t.typnamespace = 'public'::regnamespace
     and t.typrelid = 0 and t.typelem = 0 and NOT_OF_EXTENSION(pg_type, t)
   union all
  select 'schema ' || nspname from pg_namespace
   where nspname not like 'pg\\_%'
     and nspname not in ('public', 'information_schema')`;

const ROLES = `
  select rolname::text as name,
         concat_ws(' ', case when rolcanlogin then 'login' else 'nologin' end,
           case when rolinherit then 'inherit' else 'noinherit' end,
           case when rolsuper then 'superuser' end,
           case when rolbypassrls then 'bypassrls' end,
           case when rolcreaterole then 'createrole' end,
           case when rolcreatedb then 'createdb' end) as text
    from pg_roles where rolname in ('weaver_tenant', 'weaver_operator')`;

export async function readCatalogue(run: RunSql): Promise<Catalogue> {
  const ask = <R>(sql: string): Promise<R[]> =>
    run<R>(
      sql.replace(
        /NOT_OF_EXTENSION\((\w+), (\w+)\)/g,
        (_, catalogue, alias) =>
          'not exists (select from pg_depend x where x.classid = ' +
          `'${catalogue}'::regclass and x.objid = ${alias}.oid and x.deptype = 'e')`,
      ),
    );
  const tables = await ask<{ oid: string; name: string; options: string[]; rowSecurity: string }>(
    TABLES,
  );
  const lines = async (sql: string): Promise<Map<string, string[]>> => {
    const rows = await ask<{ oid: string; text: string }>(sql);
    return new Map(
      [...Map.groupBy(rows, row => row.oid)].map(([oid, group]) => [
        oid,
        group.map(row => row.text),
      ]),
    );
  };
  // Sorted here: servers sort text by their own collations.
  const sorted = async (sql: string): Promise<Map<string, string[]>> =>
    new Map([...(await lines(sql))].map(([oid, texts]) => [oid, texts.toSorted()]));
  const parts = {
    columns: await lines(COLUMNS),
    constraints: await sorted(CONSTRAINTS),
    indexes: await sorted(INDEXES),
    triggers: await sorted(TRIGGERS),
    policies: await sorted(POLICIES),
    grants: await sorted(GRANTS),
  };
  const partsOf = (oid: string): Omit<CatalogueTable, 'options' | 'rowSecurity'> =>
    Object.fromEntries(
      Object.entries(parts).map(([name, byTable]) => [name, byTable.get(oid) ?? []]),
    ) as never;
  const names = async (sql: string): Promise<string[]> =>
    (await ask<{ name: string }>(sql)).map(row => row.name).toSorted();
  return {
    extensions: await names('select extname::text as name from pg_extension'),
    roles: inOrder(
      (await ask<{ name: string; text: string }>(ROLES)).map(row => [row.name, row.text]),
    ),
    tables: inOrder(
      tables.map(({ oid, name, options, rowSecurity }) => [
        name,
        { options, rowSecurity, ...partsOf(oid) },
      ]),
    ),
    functions: inOrder(
      (await ask<{ name: string; source: string }>(FUNCTIONS)).map(row => [
        row.name,
        row.source.trimEnd().split('\n'),
      ]),
    ),
    others: await names(OTHERS),
  };
}

function inOrder<V>(entries: [string, V][]): Record<string, V> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
