import { chmodSync, renameSync, rmSync, existsSync, openSync, readSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import type { PgliteConnection } from '@mikro-orm/pglite';
import { StartupError } from '../base/startup-error.js';
import type { DatabaseAddress } from '../config/database-address.js';
import { checkToolVersion, libpqEnvironment, runTool } from './backup-tools.js';
import { Database } from './database.js';
import type { EntityClasses } from './database-options.js';
import { lockDataFolder } from './data-folder-lock.js';
import { countRows } from './migrations/removals.js';
import { SCRATCH } from './migrations/drift.js';
import { serverFacts } from './server-checks.js';

/** Rows by table. */
export type Counts = ReadonlyMap<string, number>;
type Tell = (doing: string) => void;

/** No table has more than this. */
const EVERY_ROW = 2_000_000_000;

/** Rows of every table of the current schema, as somebody who is held by no policy, or lifts them for the count as the tables' owner. */
export async function countsOf(database: Database): Promise<Counts> {
  const connection = database.orm.em.getDriver().getConnection();
  const tables: { name: string }[] = await connection.execute(`select tablename as name from pg_tables where schemaname = current_schema() order by tablename collate "C"`);
  return countRows(connection, tables.map(({ name }) => name), EVERY_ROW);
}

/**
 * Writes the whole database into a file in pg_dump's custom format, and counts its rows in the same snapshot, so that the counts of the
 * file and of the database can be compared while others write.
 */
export async function backupPostgres(env: NodeJS.ProcessEnv, database: Database, address: DatabaseAddress, file: string, tell: Tell): Promise<Counts> {
  const facts = await serverFacts(database);
  if (!facts.isSuperuser && !facts.bypassesPolicies) {
    throw new StartupError(
      `The login ${facts.login} is held by row-level security, so that a dump would fail, or with pg_dump's --enable-row-security hold no rows. Back up as a superuser or a role with BYPASSRLS: name it in WEAVER_MIGRATION_URL for this one command.`,
    );
  }
  await checkToolVersion(env, 'pg_dump', facts.serverVersion);
  const connection = database.orm.em.getDriver().getConnection();
  const partial = `${file}.partial`;
  try {
    const counts = await connection.transactional(
      async transaction => {
        const run = <R>(sql: string): Promise<R[]> => connection.execute(sql, [], 'all', transaction);
        const [exported] = await run<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
        tell('dumping');
        await runTool(env, 'pg_dump', ['--format=custom', '--verbose', `--file=${partial}`, `--snapshot=${exported!.snapshot}`], libpqEnvironment(address), { err: line => /contents of table/.test(line) && tell(line.replace(/^pg_dump: /, '')) });
        const tables = await run<{ name: string }>(`select tablename as name from pg_tables where schemaname = current_schema() order by tablename collate "C"`);
        const rows = new Map<string, number>();
        for (const { name } of tables) rows.set(name, (await run<{ count: number }>(`select count(*)::int as count from "${name}"`))[0]!.count);
        return rows;
      },
      { isolationLevel: 'repeatable read' as never },
    );
    chmodSync(partial, 0o600);
    renameSync(partial, file);
    return counts;
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Rows in a file of `backupPostgres`, read from the file itself: it opens, and this is what restoring would bring. */
export async function countsInDump(env: NodeJS.ProcessEnv, file: string, tell: Tell): Promise<Counts> {
  const counts = new Map<string, number>();
  await runTool(env, 'pg_restore', ['--list', file], {}, { out: line => {
    const table = / TABLE DATA \w+ (\S+) /.exec(line)?.[1];
    if (table) counts.set(table, 0);
  } });
  let inside: string | undefined;
  await runTool(env, 'pg_restore', ['--data-only', '--file=-', file], {}, { out: line => {
    if (inside === undefined) {
      inside = /^COPY (?:"?\w+"?\.)?"?(\w+)"? .*FROM stdin;$/.exec(line)?.[1];
      if (inside) tell(`reading ${inside}`);
    } else if (line === '\\.') inside = undefined;
    else counts.set(inside, (counts.get(inside) ?? 0) + 1);
  } });
  return counts;
}

/** Restores a file into the database of `address`, in one transaction: it is all there, or as it was. */
export async function restorePostgres(
  env: NodeJS.ProcessEnv,
  address: DatabaseAddress,
  file: string,
  serverVersion: number,
  { clean }: { clean: boolean },
  tell: Tell,
): Promise<void> {
  await checkToolVersion(env, 'pg_restore', serverVersion);
  const options = ['--exit-on-error', '--single-transaction', '--no-owner', '--verbose', ...(clean ? ['--clean', '--if-exists'] : [])];
  await runTool(env, 'pg_restore', [...options, `--dbname=${conninfoName(address.database)}`, file], libpqEnvironment(address), { err: line => /processing|creating INDEX/.test(line) && tell(line.replace(/^pg_restore: /, '')) });
}

/** A database's name where libpq would take one with an equals sign for a whole connection string. */
function conninfoName(database: string): string {
  return `dbname='${database.replace(/['\\]/g, '\\$&')}'`;
}

/** Writes the embedded database into a compressed archive of its files. */
export async function backupEmbedded(database: Database, file: string, tell: Tell): Promise<Counts> {
  const counts = await countsOf(database);
  tell('writing the archive');
  const pglite = (await (database.orm.em.getDriver().getConnection() as PgliteConnection).getNativeClient()) as PGlite;
  const archive = await pglite.dumpDataDir('gzip');
  writeFileSync(`${file}.partial`, Buffer.from(await archive.arrayBuffer()), { mode: 0o600 });
  renameSync(`${file}.partial`, file);
  return counts;
}

/** Rows in an archive of `backupEmbedded`, opened in memory. */
export async function countsInArchive(file: string, entities: EntityClasses): Promise<Counts> {
  const database = await openArchive(file, entities);
  try {
    return await countsOf(database);
  } finally {
    await database.close();
  }
}

async function openArchive(file: string, entities: EntityClasses, dataDir = SCRATCH.kind === 'embedded' ? SCRATCH.dataDir : ''): Promise<Database> {
  return Database.open({ kind: 'embedded', dataDir }, entities, 'migrate', new Blob([readFileSync(file)], { type: 'application/x-gzip' })).catch(error => {
    throw new StartupError(`${file} is no backup of an embedded database, or it is damaged.`, { cause: error });
  });
}

/** Unpacks an archive beside the embedded database and puts it in its place. The former one is kept; gives where. */
export async function restoreEmbedded(dataDir: string, file: string, entities: EntityClasses): Promise<{ counts: Counts; former: string | undefined }> {
  const staging = join(dataDir, 'restoring');
  rmSync(staging, { recursive: true, force: true });
  try {
    const database = await openArchive(file, entities, staging);
    const counts = await countsOf(database).finally(() => database.close());
    const lock = lockDataFolder(dataDir);
    try {
      const cluster = join(dataDir, 'pg');
      const former = existsSync(cluster) ? join(dataDir, `pg.before-restore-${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}`) : undefined;
      if (former) renameSync(cluster, former);
      renameSync(join(staging, 'pg'), cluster);
      return { counts, former };
    } finally {
      lock.release();
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** What kind of database a backup is of, by its first bytes. */
export function kindOfBackup(file: string): 'postgres' | 'embedded' {
  const start = Buffer.alloc(5);
  try {
    const descriptor = openSync(file, 'r');
    readSync(descriptor, start, 0, 5, 0);
    closeSync(descriptor);
  } catch (error) {
    throw new StartupError(`${file} cannot be read (${(error as { code?: string }).code}).`, { cause: error });
  }
  if (start.toString('latin1') === 'PGDMP') return 'postgres';
  if (start[0] === 0x1f && start[1] === 0x8b) return 'embedded';
  throw new StartupError(`${file} is no backup that "weaver db backup" wrote.`);
}

/** Tables whose counts differ, as lines. */
export function differences(wanted: Counts, found: Counts): string[] {
  const tables = [...new Set([...wanted.keys(), ...found.keys()])].toSorted();
  return tables.filter(table => wanted.get(table) !== found.get(table)).map(table => `${table}: ${wanted.get(table) ?? 'no table'} in one, ${found.get(table) ?? 'no table'} in the other`);
}
