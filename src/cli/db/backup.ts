import { existsSync } from 'node:fs';
import { StartupError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import { addressOf, type DatabaseAddress } from '../../config/database-address.js';
import * as backup from '../../db/backup.js';
import type { Counts } from '../../db/backup.js';
import { migratorOf } from '../../db/migrations.js';
import { Database } from '../../db/database.js';
import { serverFacts } from '../../db/server-checks.js';
import { ENTITIES } from '../../entities.js';
import type { CommandIo } from '../command-io.js';
import { describeDatabase, embeddedExists, mustExist, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';

/** `weaver db backup`: writes the file, opens it again, and compares its rows with the database's. */
export async function backupCommand(config: Config, io: CommandIo, file: string): Promise<void> {
  mustExist(config.database);
  if (existsSync(file)) throw new StartupError(`${file} is there already: name another file.`);
  const progress = new Progress(io, 'Backing up');
  const tell = (doing: string): void => progress.update(undefined, doing);
  try {
    const { database: target } = config;
    const [counts, copy] = await withDatabase(config, 'migrate', async database => {
      if (target.kind === 'embedded') return [await backup.backupEmbedded(database, file, tell), undefined] as const;
      const dumped = await backup.backupPostgres(io.env, database, target.ownerAddress, file, tell);
      return [dumped, await copyCounts(io, database, target.ownerAddress, file, tell)] as const;
    });
    tell('opening the copy');
    const found = copy?.counts ?? (target.kind === 'embedded' ? await backup.countsInArchive(file, ENTITIES) : await backup.countsInDump(io.env, file, tell));
    const wrong = backup.differences(counts, found);
    if (wrong.length > 0) throw new StartupError(`${file} does not hold what the database does. ${wrong.join('; ')}.`);
    progress.end();
    io.out(`Wrote ${file}: ${inWords(counts)}.`);
    io.say(`Its copy opens and has the same rows: ${copy ? 'restored into a scratch database' : target.kind === 'embedded' ? 'opened in memory' : 'read from the file, since this login may not create databases'}.`);
    io.say(`This is ${describeDatabase(target, 'migrate')}. Roles and passwords are not in it: they belong to the server.`);
  } finally {
    progress.end();
  }
}

/** Restores a dump into a database that is made for it and dropped again; undefined where the login may not make one. */
async function copyCounts({ env }: CommandIo, database: Database, address: DatabaseAddress, file: string, tell: (doing: string) => void): Promise<{ counts: Counts } | undefined> {
  const connection = database.orm.em.getDriver().getConnection();
  const [may] = await connection.execute<{ may: boolean }[]>('select rolcreatedb or rolsuper as may from pg_roles where rolname = current_user');
  if (!may!.may) return undefined;
  const name = `weaver_backup_check_${process.pid}_${Date.now().toString(36)}`;
  const { serverVersion } = await serverFacts(database);
  tell('restoring the copy into a scratch database');
  await connection.execute(`create database ${name} template template0`);
  try {
    const copy = addressOf(address, name);
    await backup.restorePostgres(env, copy, file, serverVersion, { clean: false }, tell);
    const scratch = await Database.open({ kind: 'postgres', address: copy, ownerAddress: copy, pooler: 'none', poolSize: 1 }, ENTITIES, 'migrate');
    return { counts: await backup.countsOf(scratch).finally(() => scratch.close()) };
  } finally {
    await connection.execute(`drop database if exists ${name} with (force)`);
  }
}

/** `weaver db restore`: refuses what would be overwritten, restores all or nothing, and compares the rows with the file's. */
export async function restoreCommand(config: Config, io: CommandIo, file: string, { yes = false }: { yes?: boolean }): Promise<void> {
  const { database: target } = config;
  const kind = backup.kindOfBackup(file);
  if (kind !== target.kind) throw new StartupError(`${file} is a backup of ${kind === 'embedded' ? 'an embedded database' : 'a PostgreSQL database'}, and this is ${describeDatabase(target, 'migrate')}.`);
  const progress = new Progress(io, 'Restoring');
  const tell = (doing: string): void => progress.update(undefined, doing);
  try {
    if (target.kind === 'embedded') {
      if (embeddedExists(target)) await refuseRows(config, io, yes);
      const { counts, former } = await backup.restoreEmbedded(target.dataDir, file, ENTITIES);
      progress.end();
      io.out(`Restored ${file}: ${inWords(counts)}.`);
      if (former) io.say(`What was there before is kept in ${former}: delete it when you miss nothing.`);
    } else {
      const wanted = await backup.countsInDump(io.env, file, tell);
      const existing = await refuseRows(config, io, yes, wanted);
      await withDatabase(config, 'migrate', async database => {
        const { serverVersion } = await serverFacts(database);
        await migratorOf(database).alone(() => backup.restorePostgres(io.env, target.ownerAddress, file, serverVersion, { clean: existing }, tell));
        const wrong = backup.differences(wanted, await backup.countsOf(database));
        if (wrong.length > 0) throw new StartupError(`What was restored is not what ${file} holds. ${wrong.join('; ')}.`);
      });
      progress.end();
      io.out(`Restored ${file}: ${inWords(wanted)}.`);
    }
    io.say(`The rows were counted and are the same. This is ${describeDatabase(target, 'migrate')}.`);
  } finally {
    progress.end();
  }
}

/** Names what is there, and refuses it without --yes; whether there is anything. */
async function refuseRows(config: Config, io: CommandIo, yes: boolean, coming?: Counts): Promise<boolean> {
  const counts = await withDatabase(config, 'migrate', backup.countsOf);
  const strange = coming ? [...counts.keys()].filter(table => !coming.has(table)) : [];
  if (strange.length > 0) throw new StartupError(`Nothing was changed. The database has tables that the backup has not (${strange.join(', ')}): restore into a new database.`);
  const filled = [...counts].filter(([, rows]) => rows > 0);
  for (const [table, rows] of filled) io.say(`  replaces the table ${table} (${rows} row${rows === 1 ? '' : 's'})`);
  if (filled.length > 0 && !yes) throw new StartupError('Nothing was changed. Add --yes to replace these rows.');
  return counts.size > 0;
}

function inWords(counts: Counts): string {
  const rows = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${rows} rows in ${counts.size} tables`;
}
