import type { ClientBase } from 'pg';
import { StartupError } from '../base/startup-error.js';
import { serverProcess } from './server-process.js';

/** Runs a statement in a session, and gives its rows. */
type RunSql = <R>(sql: string) => Promise<R[]>;

/** The schema of Weaver's tables. */
export const SCHEMA = 'public';

/**
 * The search_path that finds Weaver's tables whatever the login's own is: its schema, and behind it
 * those of its extensions, which some providers keep apart. Whoever makes a table without naming a
 * schema makes it in the first one.
 */
const SEARCH_PATH = `concat_ws(', ', '${SCHEMA}', (
  select string_agg(distinct quote_ident(n.nspname), ', ') from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
   where e.extname in ('vector', 'btree_gin') and n.nspname <> '${SCHEMA}'))`;

/** For a script of the owner's. It fails, as `useSchema` does, where the schema is missing. */
export const USE_SCHEMA_IN_SCRIPT = `do $weaver$ begin
  perform set_config('search_path', ${SEARCH_PATH}, false);
  if current_schema() is distinct from '${SCHEMA}' then
    raise exception '%', 'This database has no schema ${SCHEMA}, in which Weaver''s tables '
      'belong, or this login may not use it.';
  end if;
end $weaver$`;

/**
 * Makes a session of the owner's work in Weaver's schema. Throws a `StartupError` where it is
 * missing. Behind a pooler, which names a process of its own, nothing is set: what is set for a
 * session would stay on a connection of the server's that others get.
 */
export async function useSchema(client: Pick<ClientBase, 'query'>): Promise<void> {
  const { rows: own } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const named = serverProcess(client);
  if (named !== undefined && named !== own[0]!.pid) return;
  await client.query(`select set_config('search_path', ${SEARCH_PATH}, false)`);
  const { rows } = await client.query<{
    current: string | null;
    there: boolean;
    login: string;
    name: string;
  }>(
    `select current_schema()::text as current, to_regnamespace('${SCHEMA}') is not null ` +
      'as there, quote_ident(current_user) as login, quote_ident(current_database()) as name',
  );
  const { current, there, login, name } = rows[0]!;
  if (current === SCHEMA) return;
  throw new StartupError(
    there
      ? `The login ${login} may not use the schema ${SCHEMA} of the database ${name}, in ` +
          "which Weaver's tables belong. Nothing was changed. As its owner: grant usage, " +
          `create on schema ${SCHEMA} to ${login}.`
      : `The database ${name} has no schema ${SCHEMA}, in which Weaver's tables belong. ` +
          `Nothing was changed. As the owner of the database: create schema ${SCHEMA} ` +
          `authorization ${login}.`,
  );
}

/**
 * Why a login's own search_path does not lead to Weaver's tables, and what mends it; undefined
 * where it does.
 */
export async function schemaProblem(
  run: RunSql,
): Promise<{ problem: string; mend: string } | undefined> {
  const [found] = await run<{ current: string | null; login: string; name: string }>(
    'select current_schema()::text as current, quote_ident(current_user) as login, ' +
      'quote_ident(current_database()) as name',
  );
  const { current, login, name } = found!;
  if (current === SCHEMA) return undefined;
  return {
    problem:
      `The login ${login} uses the schema ${current ?? '(none)'}, the first of its ` +
      `search_path, but Weaver's tables belong in ${SCHEMA}.`,
    mend: `alter role ${login} in database ${name} set search_path = ${SCHEMA}`,
  };
}
