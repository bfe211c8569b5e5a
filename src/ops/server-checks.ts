import { StartupError } from '../base/startup-error.js';
import type { Database } from '../db/database.js';
import { isDatabaseUnreachable } from '../db/database-errors.js';
import {
  LOG_WITHOUT_TABLES_MESSAGE,
  migrationState,
  missingTables,
  pendingForLogin,
} from './migrations/state.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../db/roles.js';
import { schemaProblem } from '../db/weavers-schema.js';

export const MIN_SERVER_VERSION = 15;
export const MIN_VECTOR_VERSION = '0.8.0';
/**
 * Parallel HNSW builds of older versions can leak other relations' data into an index
 * (CVE-2026-3172).
 */
export const SAFE_VECTOR_VERSION = '0.8.2';

export interface ServerFacts {
  /** The major version, and the whole of it. */
  serverVersion: number;
  fullVersion: string;
  /**
   * Versions by name of the extensions that this database has, and of those that the server could
   * give it.
   */
  extensions: Record<string, string>;
  available: Record<string, string>;
  login: string;
  database: string;
  isSuperuser: boolean;
  bypassesPolicies: boolean;
  existingRoles: string[];
  /** Of Weaver's roles, those that may log in or stand above policies themselves. */
  strongRoles: string[];
  /**
   * Of Weaver's roles, those that the login may take, and those whose rights it has without taking
   * them.
   */
  grantedRoles: string[];
  inheritedRoles: string[];
  ownedTables: string[];
}

/**
 * What there is to know about a server and the login that `database` uses. Reads catalogues only.
 */
export async function serverFacts(database: Database): Promise<ServerFacts> {
  const weaverRoles = `pg_roles g where g.rolname in ('${TENANT_ROLE}', '${OPERATOR_ROLE}')`;
  // From PostgreSQL 16 on, a member may be kept from taking the role.
  const rolePrivilege =
    "case when current_setting('server_version_num')::int >= 160000 then 'SET' else " +
    "'MEMBER' end";
  const [facts] = await database.orm.em.getDriver().getConnection().execute<ServerFacts[]>(`
    select current_setting('server_version_num')::int / 10000 as "serverVersion",
           split_part(current_setting('server_version'), ' ', 1) as "fullVersion",
           (select json_object_agg(extname, extversion) from pg_extension) as extensions,
           coalesce((select json_object_agg(name, default_version) from pg_available_extensions
                      where name in ('vector', 'btree_gin')), '{}') as available,
           current_user::text as login, current_database()::text as database,
           r.rolsuper as "isSuperuser", r.rolbypassrls as "bypassesPolicies",
           array(select g.rolname::text from ${weaverRoles}) as "existingRoles",
           array(select g.rolname::text from ${weaverRoles}
                    and (g.rolcanlogin or g.rolsuper or g.rolbypassrls)) as "strongRoles",
           array(select g.rolname::text from ${weaverRoles}
                    and pg_has_role(current_user, g.oid, ${rolePrivilege})) as "grantedRoles",
           array(select g.rolname::text from ${weaverRoles}
                    and pg_has_role(current_user, g.oid, 'USAGE')) as "inheritedRoles",
           array(select c.relname::text
                   from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where n.nspname = current_schema() and c.relkind in ('r', 'p')
                    and c.relrowsecurity
                    and pg_has_role(current_user, c.relowner, 'USAGE')) as "ownedTables"
      from pg_roles r where r.rolname = current_user`);
  return facts!;
}

/** Why no policy would hold the login, as the end of a sentence; undefined where policies do. */
export function loginAbovePolicies({
  isSuperuser,
  bypassesPolicies,
  ownedTables,
}: ServerFacts): string | undefined {
  if (isSuperuser) return 'is a superuser';
  if (bypassesPolicies) return 'has BYPASSRLS';
  return ownedTables.length > 0 ? "owns Weaver's tables" : undefined;
}

/**
 * Refuses, with what to do, a PostgreSQL that the gateway cannot serve from: too old, without
 * Weaver's roles, with pending migrations, or in production with a login that stands above the
 * policies. Gives back warnings for the log.
 */
export async function checkServer(database: Database, production: boolean): Promise<string[]> {
  const facts = await serverFacts(database);
  if (facts.serverVersion < MIN_SERVER_VERSION) {
    throw new StartupError(
      `PostgreSQL ${facts.serverVersion} is too old: Weaver needs ${MIN_SERVER_VERSION} or later.`,
    );
  }
  const elsewhere = await schemaProblem(sql =>
    database.orm.em.getDriver().getConnection().execute(sql),
  );
  if (elsewhere)
    throw new StartupError(
      `${elsewhere.problem} As a superuser: ${elsewhere.mend}. Then start again.`,
    );
  await checkMigrations(database, facts);
  const vectorVersion = facts.extensions.vector!;
  if (compareVersions(vectorVersion, MIN_VECTOR_VERSION) < 0) {
    throw new StartupError(
      `pgvector ${vectorVersion} is too old: Weaver needs ${MIN_VECTOR_VERSION} or ` +
        'later. Update it and run "alter extension vector update".',
    );
  }
  const warnings: string[] = [];
  if (compareVersions(vectorVersion, SAFE_VECTOR_VERSION) < 0) {
    warnings.push(
      `pgvector ${vectorVersion} has a known flaw in parallel index builds ` +
        `(CVE-2026-3172). Update to ${SAFE_VECTOR_VERSION} or later.`,
    );
  }
  const abovePolicies = loginAbovePolicies(facts);
  const inherits =
    !abovePolicies && facts.inheritedRoles.length > 0
      ? "inherits the rights of Weaver's roles"
      : undefined;
  if (abovePolicies || inherits) {
    const problem =
      `The login ${facts.login} ${abovePolicies ?? inherits}, so a forgotten role would ` +
      'show every ' +
      "tenant's rows.";
    const hint =
      'Make a login of its own with "weaver db bootstrap --login <name>" and use that in ' +
      'DATABASE_URL.';
    if (production) throw new StartupError(`${problem} ${hint}`);
    warnings.push(`${problem} Fine for trying out, refused in production. ${hint}`);
  }
  return warnings;
}

async function checkMigrations(database: Database, facts: ServerFacts): Promise<void> {
  const command = '"npx weaver db up" (or "npx mikro-orm migration:up")';
  await refuseLogWithoutTables(database, facts);
  const missing = [TENANT_ROLE, OPERATOR_ROLE].filter(role => !facts.existingRoles.includes(role));
  if (missing.length > 0 || facts.extensions.vector === undefined) {
    throw new StartupError(
      `The database ${facts.database} has not been set up for Weaver yet. Run ` +
        `${command}, then start again.`,
    );
  }
  const notGranted = [TENANT_ROLE, OPERATOR_ROLE].filter(
    role => !facts.grantedRoles.includes(role),
  );
  if (notGranted.length > 0) {
    throw new StartupError(
      `The login ${facts.login} may not take the role ${notGranted.join(' and ')}. Run ` +
        `"npx weaver db bootstrap --login ${facts.login}" as a superuser, then start again.`,
    );
  }
  const pending = await pendingForLogin(database).catch(error => {
    if (isDatabaseUnreachable(error)) throw error;
    return undefined;
  });
  if (pending === undefined)
    throw new StartupError(
      `The database ${facts.database} has none of Weaver's tables yet. Run ${command}, ` +
        'then start again.',
    );
  if (pending.length > 0) {
    throw new StartupError(
      `The database ${facts.database} has ${pending.length} pending ` +
        `migration${pending.length === 1 ? '' : 's'} (${pending.join(', ')}). Run ` +
        `${command}, then start again.`,
    );
  }
}

/**
 * A log that says that all is applied, as after "stamp head" on an empty database, would send
 * whoever runs "db up" in a circle.
 */
async function refuseLogWithoutTables(
  database: Database,
  { database: name }: ServerFacts,
): Promise<void> {
  const missing = await missingTables(database);
  if (missing.length === 0) return;
  const state = await migrationState(database).catch(error => {
    if (isDatabaseUnreachable(error)) throw error;
    return undefined;
  });
  if (state && state.executed.length > 0 && state.pending.length === 0) {
    throw new StartupError(
      `The log of the database ${name} says that every migration is applied, and tables ` +
        `are missing: ${missing.join(', ')}. ${LOG_WITHOUT_TABLES_MESSAGE}`,
    );
  }
}

/** Negative, zero or positive as version `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(version => version.split('.').map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left![index] ?? 0) - (right![index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
