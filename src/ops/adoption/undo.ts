import { escapeIdentifier, escapeLiteral } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import type { Database } from '../../db/database.js';
import { migratorOf } from '../migrations/run.js';
import { LEGACY_PREFIX } from '../../db/legacy-names.js';
import { ADOPTION_TABLE, ADOPTED_TABLES } from './names.js';
import { LOG_TABLE } from '../migrations/log.js';
import type { RunQuery } from './recognise.js';
import { differences, type TableDifference } from './row-digests.js';
import { readWrite, readOnly } from './transactions.js';

export interface Adoption {
  readonly revision: string;
  readonly adoptedAt: string;
  /** What is kept of the older database. */
  readonly legacyTables: readonly {
    readonly table: string;
    readonly rows: number;
    readonly bytes: number;
  }[];
}

/** The adoption that is neither undone nor finished; undefined where there is none. */
export async function findAdoption(database: Database): Promise<Adoption | undefined> {
  return readOnly(database, async run => {
    if (!(await hasAdoption(run))) return undefined;
    const [row] = await run<{ revision: string; adoptedAt: string }>(
      "select revision, to_char(adopted_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') " +
        `as "adoptedAt" from ${ADOPTION_TABLE}`,
    );
    const legacyTables: Adoption['legacyTables'][number][] = [];
    for (const table of await findLegacyTables(run)) {
      const [size] = await run<{ rows: number; bytes: number }>(
        'select count(*)::int as rows, ' +
          `pg_total_relation_size(${escapeLiteral(table)}::regclass)::float8 as bytes ` +
          `from ${escapeIdentifier(table)}`,
      );
      legacyTables.push({ table, ...size! });
    }
    return { ...row!, legacyTables };
  });
}

/** Gives the older database back as it was, unless anything was written since. One transaction. */
export async function undoAdoption(
  database: Database,
  checkDifferences: (differences: readonly TableDifference[]) => void,
): Promise<void> {
  await readWrite(database, async (run, transaction) => {
    if (!(await hasAdoption(run))) throw new StartupError('There is no adoption to undo.');
    await run(`lock table ${ADOPTED_TABLES.join(', ')} in access exclusive mode`);
    checkDifferences(await differences(run));
    const [adoption] = await run<{
      renames: { kind: string; from: string; to: string }[];
      newExtensions: string[];
      schemaRoles: string[];
    }>(
      'select renames, new_extensions as "newExtensions", granted_schema as ' +
        `"schemaRoles" from ${ADOPTION_TABLE}`,
    );
    const { renames, newExtensions, schemaRoles } = adoption!;
    const legacyTables = await findLegacyTables(run);
    await migratorOf(database).within(transaction, 'down', { to: 0 });
    await run(`drop table ${LOG_TABLE}`);
    for (const name of newExtensions) await run(`drop extension ${escapeIdentifier(name)}`);
    for (const role of schemaRoles)
      await run(
        "do $do$ begin execute format('revoke usage on schema %I from %I', " +
          `current_schema(), ${escapeLiteral(role)}); end $do$`,
      );
    const renamed = new Set(renames.map(({ to }) => to));
    for (const table of legacyTables.filter(name => !renamed.has(name)))
      await run(`drop table ${escapeIdentifier(table)}`);
    for (const { kind, to } of renames)
      if (kind === 'table')
        await run(`alter table ${escapeIdentifier(to)} disable row level security`);
    for (const { kind, from, to } of renames)
      await run(
        `alter ${kind} ${escapeIdentifier(to)}${kind === 'function' ? '()' : ''} rename to ` +
          `${escapeIdentifier(from)}`,
      );
  });
}

/** Drops what is kept of the older database. From then on there is no way back. */
export async function finishAdoption(database: Database): Promise<void> {
  await readWrite(database, async run => {
    if (!(await hasAdoption(run))) throw new StartupError('There is no adoption to finish.');
    const [adoption] = await run<{ renames: { kind: string; to: string }[] }>(
      `select renames from ${ADOPTION_TABLE}`,
    );
    await run(`drop table ${(await findLegacyTables(run)).map(escapeIdentifier).join(', ')}`);
    for (const { kind, to } of adoption!.renames)
      if (kind === 'function') await run(`drop function ${escapeIdentifier(to)}()`);
  });
}

async function hasAdoption(run: RunQuery): Promise<boolean> {
  const [row] = await run<{ open: boolean }>(
    `select to_regclass('${ADOPTION_TABLE}') is not null as open`,
  );
  return row!.open;
}

async function findLegacyTables(run: RunQuery): Promise<string[]> {
  const rows = await run<{ name: string }>(
    'select relname::text as name from pg_class ' +
      "where relnamespace = current_schema()::regnamespace and relkind = 'r' " +
      `and relname like '${LEGACY_PREFIX.replaceAll('_', '\\_')}%' order by 1`,
  );
  return rows.map(({ name }) => name);
}
