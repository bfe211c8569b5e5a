import { escapeIdentifier, escapeLiteral } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import { LEGACY_PREFIX } from '../../db/legacy-names.js';
import type { RunSql } from './catalogue.js';
import { LOG_TABLE } from './log.js';

/** Names of rows that own, grant or may do something. */
interface Ownership {
  readonly database: string;
  readonly login: string;
  readonly isSuperuser: boolean;
  /**
   * Who owns the log of migrations, and whether the login may do what that role may; null where
   * there is no log.
   */
  readonly owner: string | null;
  readonly isMember: boolean | null;
  readonly ownerIsSuperuser: boolean | null;
  /**
   * Logins that may create tables in the schema public beside its owner: what "weaver db bootstrap
   * --owner" makes.
   */
  readonly bootstrapped: string[];
}

async function ownership(run: RunSql): Promise<Ownership> {
  const [found] = await run<Ownership>(`
    select current_database()::text as database, current_user::text as login,
           me.rolsuper as "isSuperuser",
           o.rolname::text as owner, pg_has_role(o.oid, 'usage') as "isMember",
           o.rolsuper as "ownerIsSuperuser",
           array(select r.rolname::text from pg_namespace n
                  cross join lateral aclexplode(n.nspacl) a
                   join pg_roles r on r.oid = a.grantee
                  where n.nspname = 'public' and a.privilege_type = 'CREATE'
                    and a.grantee <> n.nspowner and r.rolcanlogin and not r.rolsuper
                  order by 1) as bootstrapped
      from pg_roles me
      left join pg_class c on c.relnamespace = 'public'::regnamespace and c.relname = '${LOG_TABLE}'
      left join pg_roles o on o.oid = c.relowner
     where me.rolname = current_user`);
  return found!;
}

/**
 * Who is to own Weaver's tables once they are made anew: who owns them now, else the login that
 * "weaver db bootstrap" made for that; undefined for whoever makes them. A `StartupError` where the
 * tables belong to somebody of whom the login is no member.
 */
export async function futureOwner(run: RunSql): Promise<string | undefined> {
  const found = await ownership(run);
  const { owner, isMember, ownerIsSuperuser, isSuperuser, bootstrapped, login } = found;
  if (owner !== null && !isMember) throw foreignOwnerError(found, await thingsOf(run, owner));
  const bootstrappedOwner = bootstrapped.length === 1 ? bootstrapped[0] : undefined;
  // A superuser's tables are those that somebody forgot to give to the owner.
  const chosen =
    owner === null || ownerIsSuperuser ? (bootstrappedOwner ?? owner ?? undefined) : owner;
  return chosen === login || (!isSuperuser && owner === null) ? undefined : chosen;
}

/**
 * Throws a `StartupError` with what to run where the tables belong to a role of which the login is
 * no member.
 */
export async function checkTableOwner(run: RunSql): Promise<void> {
  const found = await ownership(run);
  if (found.owner !== null && !found.isMember)
    throw foreignOwnerError(found, await thingsOf(run, found.owner));
}

function foreignOwnerError(
  { database, login, owner, ownerIsSuperuser }: Ownership,
  things: readonly string[],
): StartupError {
  const transferSql = ownerIsSuperuser
    ? things.map(thing => `alter ${thing} owner to ${escapeIdentifier(login)}`).join('; ')
    : `reassign owned by ${escapeIdentifier(owner!)} to ${escapeIdentifier(login)}`;
  return new StartupError(
    `Weaver's tables in the database ${database} belong to ${owner}, and ${login} is no ` +
      'member of that role, so it can neither read their log nor migrate them. Nothing was ' +
      `changed. Name ${owner} in WEAVER_MIGRATION_URL, or as a superuser in this database ` +
      `give them to ${login}: ${transferSql}`,
  );
}

async function thingsOf(run: RunSql, owner: string): Promise<string[]> {
  const rows = await run<{ thing: string }>(
    `select 'table ' || quote_ident(c.relname) as thing from pg_class c
      join pg_roles o on o.oid = c.relowner
      where o.rolname = ${escapeLiteral(owner)} and c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'p')
        and (c.relname = '${LOG_TABLE}' or starts_with(c.relname, '${LEGACY_PREFIX}')
          or exists (select from pg_policy p where p.polrelid = c.oid))
      union all
     select 'routine ' || quote_ident(p.proname) || '(' ||
            pg_get_function_identity_arguments(p.oid) || ')'
       from pg_proc p join pg_roles o on o.oid = p.proowner
      where o.rolname = ${escapeLiteral(owner)} and p.pronamespace = 'public'::regnamespace
        and starts_with(p.proname, 'weaver_')
      order by 1 desc`,
  );
  return rows.map(({ thing }) => thing);
}
