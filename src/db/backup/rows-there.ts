import { StartupError } from '../../base/startup-error.js';
import { exceededTime } from '../database-errors.js';
import { OPERATOR_ROLE } from '../roles.js';
import { countTables, DUMPED_TABLES, tableKey, type Counts } from './counts.js';
import { maySeeAllRows } from './portable-postgres.js';
import type { Session } from './session.js';

/**
 * Rows of every table of a PostgreSQL database, asked without a lock that others would wait for: as
 * the operator where policies hold the login. Only an owner who may not be the operator lifts the
 * policies, for one table and a short moment each.
 */
export async function rowsThere(session: Session): Promise<Counts> {
  const { run } = session;
  const tables = await run<{ schema: string; name: string }>(DUMPED_TABLES);
  const as = await maySeeAllRows(session);
  if (as === 'itself') return countTables(run, tables);
  const counts = new Map<string, number>();
  for (const table of tables) {
    const readable = await run<{ forced: boolean; operator: boolean; mine: boolean }>(`
      select c.relforcerowsecurity as forced, pg_has_role(c.relowner, 'usage') as mine,
             exists (select from pg_policy p
                      where p.polrelid = c.oid
                        and to_regrole('${OPERATOR_ROLE}')::oid = any (p.polroles)) as operator
        from pg_class c
       where c.oid = to_regclass('${tableKey(table.schema, table.name).replaceAll("'", "''")}')`);
    const [{ forced, operator, mine }] = readable as [
      { forced: boolean; operator: boolean; mine: boolean },
    ];
    if (!mine && !(as === 'operator' && operator)) continue;
    await run('begin');
    try {
      if (forced && as === 'operator' && operator) await run(`set local role ${OPERATOR_ROLE}`);
      else if (forced) await lift(session, tableKey(table.schema, table.name));
      for (const [name, rows] of await countTables(run, [table])) counts.set(name, rows);
    } finally {
      await run('rollback');
    }
  }
  return counts;
}

async function lift({ run }: Session, table: string): Promise<void> {
  await run(`set local lock_timeout = '2s'`);
  await run(`alter table ${table} no force row level security`).catch(error => {
    if (exceededTime(error) !== 'lock') throw error;
    throw new StartupError(
      `Nothing was changed: another session uses ${table}, so that its rows cannot be ` +
        'counted. Stop the gateways, or restore as a superuser.',
    );
  });
}
