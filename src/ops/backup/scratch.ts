import { randomBytes } from 'node:crypto';
import { escapeLiteral } from 'pg';
import { addressOf, type DatabaseAddress } from '../../config/database-address.js';
import type { RunSql } from '../migrations/catalogue.js';
import { inSession, type Session } from './session.js';

/**
 * What begins the names of the scratch databases of the database that is asked: others' are theirs
 * to drop.
 */
const PREFIX =
  "'weaver_backup_check_' || (select oid from pg_database where datname = " +
  "current_database()) || '_'";
/**
 * Who tries a backup holds an advisory lock of these two keys, so that others on the same server
 * leave its database alone.
 */
const LOCK_CLASS = 20_261_130;
const lockOf = (name: string): string => `${LOCK_CLASS}, hashtext('${name}')`;

/**
 * Databases that a backup of this one made to try its file and could not drop again: nobody is
 * connected to them, and whoever made them is gone.
 */
export const STALE_SCRATCH_DATABASES = `
  select d.datname::text as name, pg_has_role(d.datdba, 'usage') as own
    from pg_database d
   where starts_with(d.datname, ${PREFIX})
     and not exists (select from pg_stat_activity a where a.datid = d.oid)
     and not exists (select from pg_locks l
                      where l.locktype = 'advisory' and l.classid = ${LOCK_CLASS}
                        and l.objid = (hashtext(d.datname)::bigint & 4294967295)::oid)
   order by 1`;

/** Drops what earlier backups left; those that belong to somebody else are told and stay. */
export async function dropStaleScratchDatabases(
  run: RunSql,
  onDatabase: (name: string, dropped: boolean) => void,
): Promise<void> {
  for (const { name, own } of await run<{ name: string; own: boolean }>(STALE_SCRATCH_DATABASES)) {
    // Not by force: somebody may have connected to it since.
    const dropped =
      own &&
      (await run(`drop database if exists ${name}`).then(
        () => true,
        () => false,
      ));
    onDatabase(name, dropped);
  }
}

/** Whether the login may, and the server is none that takes no writes, such as a standby. */
export async function canCreateDatabases(run: RunSql): Promise<boolean> {
  const [row] = await run<{ may: boolean }>(
    'select (rolcreatedb or rolsuper) ' +
      "and current_setting('transaction_read_only') = 'off' as may from pg_roles " +
      'where rolname = current_user',
  );
  return row!.may;
}

/**
 * A database that is made for `work` like the one that `session` is in, and dropped again whatever
 * happens.
 */
export async function inScratchDatabase<T>(
  session: Session,
  address: DatabaseAddress,
  signal: AbortSignal,
  work: (scratch: DatabaseAddress) => Promise<T>,
): Promise<T> {
  const { run } = session;
  const [{ prefix }] = (await run<{ prefix: string }>(`select ${PREFIX} as prefix`)) as [
    { prefix: string },
  ];
  const name = prefix + randomBytes(8).toString('hex');
  await run(`select pg_advisory_lock(${lockOf(name)})`);
  try {
    await run(`create database ${name} template template0 ${await localeOf(run)}`);
    const scratch = addressOf(address, name);
    await copyExtensions(run, scratch, signal);
    return await work(scratch);
  } finally {
    // On a connection of its own: this session may be gone, or its signal have come.
    await inSession(address, new AbortController().signal, async other => {
      await other.run(`drop database if exists ${name} with (force)`);
    });
  }
}

/**
 * A provider of its own, of the versions that have it, and everything that decides how text is
 * stored and compared.
 */
async function localeOf(run: RunSql): Promise<string> {
  const [{ database: d }] = (await run<{ database: Record<string, string | null> }>(
    "select to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(encoding)) " +
      'as database from pg_database d where datname = current_database()',
  )) as [{ database: Record<string, string | null> }];
  const named = (option: string, value: string | null | undefined): string =>
    value == null ? '' : ` ${option} ${escapeLiteral(value)}`;
  const locale = d.datlocale ?? d.daticulocale;
  const provider = {
    c: '',
    i: ` locale_provider icu${named('icu_locale', locale)}${named('icu_rules', d.daticurules)}`,
    b: ` locale_provider builtin${named('builtin_locale', locale)}`,
  }[d.datlocprovider ?? 'c'];
  const locales = named('lc_collate', d.datcollate) + named('lc_ctype', d.datctype);
  return `encoding '${d.encoding}'${locales}${provider ?? ''}`;
}

/**
 * Weaver's extensions, in the schemas in which the original has them: the columns of a dump name
 * those.
 */
async function copyExtensions(
  run: RunSql,
  scratch: DatabaseAddress,
  signal: AbortSignal,
): Promise<void> {
  const extensions = await run<{ name: string; schema: string }>(
    'select quote_ident(extname) as name, quote_ident(nspname) as schema ' +
      'from pg_extension e join pg_namespace n on n.oid = e.extnamespace ' +
      "where extname in ('vector', 'btree_gin')",
  );
  await inSession(scratch, signal, async ({ run: runInScratch }) => {
    for (const { name, schema } of extensions) {
      await runInScratch(`create schema if not exists ${schema}`);
      await runInScratch(`create extension ${name} schema ${schema}`);
    }
  });
}
