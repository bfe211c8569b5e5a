import { StartupError } from '../../base/startup-error.js';
import type { DatabaseAddress } from '../../config/database-address.js';
import { LEGACY_PREFIX } from '../../db/legacy-names.js';
import { LOG_TABLE } from '../migrations/log.js';
import { OPERATOR_ROLE } from '../../db/roles.js';
import type { ServerFacts } from '../server-checks.js';
import type { PartialFile } from './backup-file.js';
import { countTables, DUMPED_TABLES, tableKey, type Counts } from './counts.js';
import { checkProgramVersion, libpqEnvironment, runProgram } from './programs.js';
import type { Session } from './session.js';
import { formatBytes, type BackupContext } from './backup-context.js';

/** Relations of the schema public that are Weaver's own: see `weaverEntries`. */
export const IS_WEAVER_TABLE = `(c.relname = '${LOG_TABLE}'
  or starts_with(c.relname, '${LEGACY_PREFIX}')
  or exists (select from pg_policy p
              where p.polrelid = c.oid
                and to_regrole('${OPERATOR_ROLE}')::oid = any (p.polroles)))`;

/** Refuses a login from whom policies hide rows: a dump would fail, or hold none. */
export function refuseRestrictedLogin({ isSuperuser, bypassesPolicies, login }: ServerFacts): void {
  if (isSuperuser || bypassesPolicies) return;
  throw new StartupError(
    `Row-level security hides rows from the login ${login}, so a dump would fail. Back up as a ` +
      'superuser or a role with BYPASSRLS: name it in WEAVER_MIGRATION_URL for this one ' +
      `command. With --portable, a member of ${OPERATOR_ROLE} can back up too.`,
  );
}

export interface DumpOptions {
  /** Leave out what others keep in the same database. */
  readonly onlyWeaver: boolean;
  /** Rows are counted for a comparison. */
  readonly withCounts: boolean;
  /** How long it waits for a table that somebody has locked. 0: no limit. */
  readonly lockWaitMs: number;
}

/**
 * Writes the database into a file in pg_dump's custom format, and counts its rows in the same
 * snapshot, so that the counts of the file and of the database can be compared while others write.
 */
export async function dumpPostgres(
  session: Session,
  address: DatabaseAddress,
  serverVersion: number,
  partial: PartialFile,
  { onlyWeaver, withCounts, lockWaitMs }: DumpOptions,
  context: BackupContext,
): Promise<Counts> {
  await checkProgramVersion('pg_dump', serverVersion, context);
  const { run } = session;
  await run('begin isolation level repeatable read read only');
  await run(`set local lock_timeout = ${lockWaitMs}`);
  const [snapshot] = await run<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
  await dump(
    address,
    [
      `--snapshot=${snapshot!.snapshot}`,
      ...(lockWaitMs > 0 ? [`--lock-wait-timeout=${lockWaitMs}`] : []),
      ...(onlyWeaver ? await excludeOtherTables(session) : []),
    ],
    partial,
    context,
  );
  const tables = await run<{ schema: string; name: string; weavers: boolean }>(
    `select d.schema, d.name, d.schema = 'public' and ${IS_WEAVER_TABLE} as weavers ` +
      `from (${DUMPED_TABLES}) d join pg_class c on c.oid = to_regclass(format('%I.%I', ` +
      'd.schema, d.name))',
  );
  context.report('counting rows');
  const counts = withCounts
    ? await countTables(
        run,
        tables.filter(({ weavers }) => weavers || !onlyWeaver),
      )
    : new Map<string, number>();
  await run('commit');
  return counts;
}

/**
 * pg_dump writes into the open file itself: nobody else could read it at any moment, and it has the
 * rights that it was made with.
 */
async function dump(
  address: DatabaseAddress,
  args: readonly string[],
  partial: PartialFile,
  context: BackupContext,
): Promise<void> {
  const { report } = context;
  let table = '';
  const progress = setInterval(
    () =>
      void partial.size().then(
        bytes => report(`dumping${table}, ${formatBytes(bytes)}`),
        () => {},
      ),
    1_000,
  );
  const onLine = (line: string): void => {
    const tableName = /dumping contents of table "(.*)"$/.exec(line)?.[1];
    if (tableName !== undefined)
      table = ` ${tableName.replace(/^public\./, '').replaceAll('"', '')}`;
    report(`dumping${table}`);
  };
  try {
    await runProgram('pg_dump', ['--format=custom', '--verbose', ...args], context, {
      connection: libpqEnvironment(address),
      output: partial.handle.fd,
      onLine,
    });
  } finally {
    clearInterval(progress);
  }
}

async function excludeOtherTables({ run }: Session): Promise<string[]> {
  const otherTables = await run<{ schema: string; name: string }>(
    "select 'public' as schema, c.relname::text as name from pg_class c " +
      "where c.relnamespace = 'public'::regnamespace " +
      `and c.relkind in ('r', 'p', 'v', 'm', 'f') and not ${IS_WEAVER_TABLE}`,
  );
  return [
    '--schema=public',
    ...otherTables.map(({ schema, name }) => `--exclude-table=${tableKey(schema, name)}`),
  ];
}
