import { escapeLiteral } from 'pg';
import { IS_WEAVER_TABLE } from './dump.js';
import type { Counts } from './counts.js';

/**
 * What the schema public has and a dump has not: it came later, and goes. Functions with the types
 * of their arguments.
 */
export interface ExtraObjects {
  readonly relations: readonly string[];
  readonly functions: readonly string[];
  readonly types: readonly string[];
}

/** Statements around a script of pg_restore's, which leaves an empty search_path. */
export function script(statements: readonly string[]): string {
  return statements.map(sql => `${sql};\n`).join('');
}

const OTHERS_SCHEMAS = `n.nspname <> 'information_schema' and n.nspname !~ '^pg_'`;

/**
 * Who owns what others keep here: a dump that somebody else restores is not to take it from them.
 */
export const CURRENT_OWNERS = `set client_min_messages = warning;
create temporary table weaver_owners on commit drop as
select n.nspname as schema, c.relname as name, null::text as arguments, c.relowner as owner
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and ${OTHERS_SCHEMAS}
union all
select n.nspname, p.proname, oidvectortypes(p.proargtypes), p.proowner
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where ${OTHERS_SCHEMAS}`;

const list = (names: readonly string[]): string =>
  `array[${names.map(escapeLiteral).join(', ')}]::text[]`;

/** Before the dump drops its own tables: one that came later may refer to them. */
export function dropRelations(names: readonly string[]): string {
  return `do $weaver$
declare r record;
begin
  for r in select c.relname,
                  case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
                                 when 'f' then 'foreign table' else 'table' end as kind
             from pg_catalog.pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relname = any (${list(names)}) loop
    execute format('drop %s if exists public.%I cascade', r.kind, r.relname);
  end loop;
end $weaver$`;
}

/** After the dump has made its own tables anew: until then triggers and columns use these. */
export function dropFunctionsAndTypes({ functions, types }: ExtraObjects): string {
  return `do $weaver$
declare r record;
begin
  for r in select p.oid::regprocedure as name from pg_catalog.pg_proc p
            where p.pronamespace = 'public'::regnamespace
              and format('%I(%s)', p.proname, oidvectortypes(p.proargtypes))
                  = any (${list(functions)}) loop
    execute format('drop routine %s', r.name);
  end loop;
  for r in select t.typname from pg_catalog.pg_type t
            where t.typnamespace = 'public'::regnamespace and t.typname = any (${list(types)}) loop
    execute format('drop type public.%I', r.typname);
  end loop;
end $weaver$`;
}

/**
 * Fails where a table has other rows than it should. Policies that hold the owner too are lifted
 * for the count.
 */
export function compareRows(counts: Counts): string {
  return (
    `do $weaver$
declare
  wanted record;
  found bigint;
  held constant boolean := (select not (rolsuper or rolbypassrls) from pg_catalog.pg_roles
                             where rolname = current_user);
  forced boolean;
begin
  for wanted in select key as name, value::bigint as rows
    from json_each_text(${escapeLiteral(JSON.stringify(Object.fromEntries(counts)))}) loop
    forced := held and (select c.relforcerowsecurity from pg_catalog.pg_class c
                         where c.oid = to_regclass(wanted.name));
    if forced then
      execute format('alter table %s no force row level security', wanted.name);
    end if;
    execute format('select count(*) from only %s', wanted.name) into found;
    if forced then execute format('alter table %s force row level security', wanted.name); end if;
    if found <> wanted.rows then
      raise exception 'What was restored is not what the file holds: ` +
    `% has % rows, and % in the file', wanted.name, found, wanted.rows;
    end if;
  end loop;
end $weaver$`
  );
}

/** Gives Weaver's tables and functions to `owner`, and what others had before to them. */
export function restoreOwner(owner: string | undefined): string {
  return `do $weaver$
declare
  r record;
  weavers_owner constant oid := (
    select oid from pg_catalog.pg_roles
     where rolname = ${owner === undefined ? 'current_user' : escapeLiteral(owner)});
  may_all constant boolean := (
    select rolsuper from pg_catalog.pg_roles where rolname = current_user);
begin
  for r in
    select format('table %I.%I', n.nspname, c.relname) as what,
           case when n.nspname = 'public' and ${IS_WEAVER_TABLE} then weavers_owner
                else w.owner end as owner
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      left join pg_temp.weaver_owners w
        on w.schema = n.nspname and w.name = c.relname and w.arguments is null
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and ${OTHERS_SCHEMAS}
       and pg_has_role(c.relowner, 'usage')
       and c.relowner <> case when n.nspname = 'public' and ${IS_WEAVER_TABLE} then weavers_owner
                              else w.owner end
    union all
    select format('routine %s', p.oid::regprocedure),
           case when n.nspname = 'public' and starts_with(p.proname, 'weaver_') then weavers_owner
                else w.owner end
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      left join pg_temp.weaver_owners w
        on w.schema = n.nspname and w.name = p.proname
       and w.arguments = oidvectortypes(p.proargtypes)
     where ${OTHERS_SCHEMAS} and pg_has_role(p.proowner, 'usage')
       and p.proowner <> case when n.nspname = 'public' and starts_with(p.proname, 'weaver_')
                              then weavers_owner else w.owner end
  loop
    continue when not (may_all or pg_has_role(r.owner, 'member'));
    execute format('alter %s owner to %I', r.what, pg_get_userbyid(r.owner));
  end loop;
end $weaver$`;
}
