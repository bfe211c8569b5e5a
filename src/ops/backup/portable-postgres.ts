import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { from as rowsInto, to as rowsOutOf } from 'pg-copy-streams';
import { StartupError } from '../../base/startup-error.js';
import type { DatabaseAddress } from '../../config/database-address.js';
import { LOG_TABLE } from '../migrations/log.js';
import { OPERATOR_ROLE } from '../../db/roles.js';
import type { BackupContext } from './backup-context.js';
import type { PartialFile } from './backup-file.js';
import { copyFrom, copyTo, type KeyedTable } from './portable-tables.js';
import { backupRows, type PortableContents, type RowSink } from './portable.js';
import { inSession, type Session } from './session.js';

/**
 * Writes the rows of a PostgreSQL database, all of one moment, while others go on. Throws where the
 * login would not see all of them, and after `lockWaitMs` (0: never) where a table stays locked.
 */
export async function backupPostgresRows(
  address: DatabaseAddress,
  partial: PartialFile,
  lockWaitMs: number,
  context: BackupContext,
): Promise<PortableContents> {
  return inSession(address, context.signal, session =>
    backupRows(
      session.run,
      partial,
      table => rowsOf(session, table),
      context,
      async () => {
        await session.run(`set local lock_timeout = ${lockWaitMs}`);
        await enableAllRows(session);
      },
    ),
  );
}

/** Whether the login sees all rows, as itself or as the operator. */
export async function rowVisibility({
  run,
}: Pick<Session, 'run'>): Promise<'itself' | 'operator' | undefined> {
  // From PostgreSQL 16 on, a member may be kept from taking the role.
  const [login] = await run<{ above: boolean; operator: boolean }>(`
    select rolsuper or rolbypassrls as above,
           coalesce(pg_has_role(current_user, to_regrole('${OPERATOR_ROLE}')::oid,
             case when current_setting('server_version_num')::int >= 160000
                  then 'SET' else 'MEMBER' end), false) as operator
      from pg_roles where rolname = current_user`);
  return login!.above ? 'itself' : login!.operator ? 'operator' : undefined;
}

async function enableAllRows(session: Session): Promise<void> {
  const as = await rowVisibility(session);
  if (as === 'operator') await session.run(`set local role ${OPERATOR_ROLE}`);
  if (as !== undefined) return;
  const [login] = await session.run<{ name: string }>('select current_user::text as name');
  throw new StartupError(
    `Row-level security hides rows from the login ${login!.name}, so the backup would ` +
      "contain no rows. Back up as the gateway's login, as another member of " +
      `${OPERATOR_ROLE}, or as a superuser: name it in WEAVER_MIGRATION_URL for this one ` +
      'command.',
  );
}

async function* rowsOf({ client }: Session, table: KeyedTable): AsyncGenerator<Buffer, number> {
  const rows = client.query(rowsOutOf(copyTo(table, 'stdout')));
  yield* rows as AsyncIterable<Buffer>;
  return (rows as unknown as { rowCount: number }).rowCount;
}

/** Where rows go in the transaction of a session. */
export function postgresSink({ client, run }: Session): RowSink {
  return {
    run,
    async open(table) {
      const stream = client.query(rowsInto(copyFrom(table, 'stdin')));
      const done = finished(stream);
      done.catch(() => {}); // Whoever writes next, or ends it, is told.
      return {
        async write(rows) {
          if (!stream.write(rows)) await Promise.race([once(stream, 'drain'), done]);
        },
        async end() {
          stream.end();
          await done;
        },
      };
    },
    async finish(owner) {
      if (owner === undefined) return;
      const things = await run<{ thing: string }>(`
        select format('table %I.%I', 'public', c.relname) as thing from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and c.relowner <> (select oid from pg_roles where rolname = ${escapeLiteral(owner)})
           and (c.relname = '${LOG_TABLE}'
             or exists (select from pg_policy p where p.polrelid = c.oid))
        union all
        select format('routine %s', p.oid::regprocedure) from pg_proc p
         where p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'weaver_')
           and p.proowner <> (select oid from pg_roles where rolname = ${escapeLiteral(owner)})`);
      for (const { thing } of things)
        await run(`alter ${thing} owner to ${escapeIdentifier(owner)}`);
    },
  };
}
