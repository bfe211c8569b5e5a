import { escapeIdentifier, escapeLiteral } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../db/roles.js';
import { LEGACY_POLICY } from '../../db/legacy-names.js';
import { ADOPTION_TABLE, ADOPTED_TABLES } from './names.js';
import type { RunQuery } from './recognise.js';
import { readWrite } from './transactions.js';

/**
 * Lets the older application's login read and write the seven tables, by a policy of its own on
 * each. May be repeated.
 */
export async function grantLegacyRole(
  run: RunQuery,
  name: string,
): Promise<{ grantedSchema: boolean }> {
  const [role] = await run<{ mayUse: boolean }>(
    `select has_schema_privilege(oid, current_schema()::text, 'usage') as "mayUse" ` +
      'from pg_roles where rolname = ?',
    [name],
  );
  if (!role)
    throw new StartupError(
      `Nothing was changed: there is no login ${name}. Name the one by which the older ` +
        'application connects.',
    );
  if (name === TENANT_ROLE || name === OPERATOR_ROLE)
    throw new StartupError(
      `Nothing was changed: ${name} is the gateway's own role. Name the login by which ` +
        'the older application connects.',
    );
  for (const table of ADOPTED_TABLES) {
    const [existingTables] = await run<{ roles: string[]; owner: string }>(
      `select coalesce((select array_agg(pg_get_userbyid(r)::text)
                          from pg_policy p, unnest(p.polroles) r
                         where p.polrelid = c.oid and p.polname = '${LEGACY_POLICY}'),
                       '{}') as roles,
              pg_get_userbyid(c.relowner)::text as owner
         from pg_class c where c.oid = '${table}'::regclass`,
    );
    const roles = [...new Set([...existingTables!.roles, name])].map(escapeIdentifier).join(', ');
    await run(
      existingTables!.roles.length > 0
        ? `alter policy ${LEGACY_POLICY} on ${table} to ${roles}`
        : `create policy ${LEGACY_POLICY} on ${table} to ${roles} using (true) with check (true)`,
    );
    if (existingTables!.owner !== name)
      await run(`grant select, insert, update, delete on ${table} to ${escapeIdentifier(name)}`);
  }
  if (!role.mayUse)
    await run(
      "do $do$ begin execute format('grant usage on schema %I to %I', " +
        `current_schema(), ${escapeLiteral(name)}); end $do$`,
    );
  return { grantedSchema: !role.mayUse };
}

/** The same for a database that was adopted before. */
export async function addLegacyRole(database: Database, name: string): Promise<void> {
  await readWrite(database, async run => {
    const { grantedSchema } = await grantLegacyRole(run, name);
    const [adoption] = await run<{ open: boolean }>(
      `select to_regclass('${ADOPTION_TABLE}') is not null as open`,
    );
    if (grantedSchema && adoption!.open)
      await run(`update ${ADOPTION_TABLE} set granted_schema = granted_schema || ?::text`, [name]);
  });
}
