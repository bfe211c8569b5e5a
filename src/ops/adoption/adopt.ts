import { escapeIdentifier, escapeLiteral } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import type { Database } from '../../db/database.js';
import { migratorOf } from '../migrations/run.js';
import { knownMigrations } from '../migrations/state.js';
import { copyRows } from './copy-rows.js';
import { grantLegacyRole } from './legacy-role.js';
import { VERSION_TABLE } from './legacy-schema.js';
import { LEGACY_PREFIX } from '../../db/legacy-names.js';
import {
  ADOPTION_TABLE,
  CHANGES_TABLE,
  legacyName,
  NEW_IDS_TABLE,
  ROWS_TABLE,
  ADOPTED_TABLES,
} from './names.js';
import { LOG_TABLE } from '../migrations/log.js';
import { planAdoption, type AdoptionPlan, type LegacyDatabase } from './plan.js';
import { pgArray, recogniseDatabase, type Recognised, type RunQuery } from './recognise.js';
import { storeDigests } from './row-digests.js';
import { readWrite, readOnly, withoutForcedRowSecurity } from './transactions.js';

export interface AdoptionOptions {
  /** Go on although vectors are not to be had in half precision: their chunks come without one. */
  readonly setAside: boolean;
  readonly legacyRole?: string | undefined;
  /** Told what is to happen before anything does. */
  plan(plan: AdoptionPlan, legacy: LegacyDatabase): void;
  progress(doing: string, done?: number, total?: number): void;
}

/** What the database is, and for a legacy one what adoption would do. Changes nothing. */
export async function previewAdoption(
  database: Database,
): Promise<{ recognised: Recognised; plan?: AdoptionPlan }> {
  return readOnly(database, async run => {
    const recognised = await recogniseDatabase(run);
    return recognised.kind === 'legacy'
      ? { recognised, plan: await planAdoption(run, recognised) }
      : { recognised };
  });
}

/**
 * Brings a legacy database to this version's schema with all its rows, in one transaction: whatever
 * goes wrong, it is as it was before. What is not legacy is given back as it was recognised,
 * unchanged.
 *
 * The rows are copied when the first migration has made its tables, and the others run over them,
 * as they do over those of any database: so what is known here about columns stays true, however
 * the schema goes on.
 */
export async function adopt(database: Database, options: AdoptionOptions): Promise<Recognised> {
  const recognised = await readWrite(database, async (run, transaction) => {
    const found = await recogniseDatabase(run);
    if (found.kind !== 'legacy') return found;
    await lockTables(
      run,
      found.tables.map(({ name }) => name),
    );
    options.progress('Looking at every row');
    const plan = await planAdoption(run, found);
    options.plan(plan, found);
    refuseAdoption(plan, options.setAside);

    const migrator = migratorOf(database);
    const [extensions] = await run<{ names: string[] }>(
      'select array_agg(extname::text) as names from pg_extension',
    );
    const renames = await renameLegacyObjects(run, found);
    await createAdoptionTables(run);
    options.progress('Making the tables');
    await migrator.within(transaction, 'up', { to: knownMigrations()[0]! });
    await withoutForcedRowSecurity(run, ADOPTED_TABLES, () =>
      copyRows(run, plan, options.progress),
    );
    options.progress('Applying the migrations');
    await migrator.within(transaction, 'up');
    const role =
      options.legacyRole === undefined ? undefined : await grantLegacyRole(run, options.legacyRole);
    options.progress('Noting what every row is');
    await storeDigests(run);
    await run(
      `insert into ${ADOPTION_TABLE} (revision, renames, new_extensions, granted_schema) ` +
        'values (?, ?, array(select extname from pg_extension ' +
        `where extname <> all (${arrayOf(extensions!.names)})), ?)`,
      [
        plan.revision,
        JSON.stringify(renames),
        pgArray(role?.grantedSchema ? [options.legacyRole!] : []),
      ],
    );
    return found;
  });
  if (recognised.kind === 'legacy') await vacuum(database, options.progress);
  return recognised;
}

async function lockTables(run: RunQuery, tables: readonly string[]): Promise<void> {
  await run(
    `lock table ${[...tables, VERSION_TABLE].map(escapeIdentifier).join(', ')} in access ` +
      'exclusive mode',
  );
}

function refuseAdoption({ rejectedRows, unfitVectors }: AdoptionPlan, setAside: boolean): void {
  if (rejectedRows.length > 0)
    throw new StartupError(
      'Nothing was changed: ' +
        `${rejectedRows.length === 1 ? 'a row' : `${rejectedRows.length} rows`} ` +
        `cannot be adopted as ${rejectedRows.length === 1 ? 'it is' : 'they are'}. Correct what ` +
        'is named above, then adopt again.',
    );
  if (unfitVectors.length > 0 && !setAside) {
    const vectors =
      unfitVectors.length === 1
        ? 'the vector that is'
        : `the ${unfitVectors.length} vectors that are`;
    throw new StartupError(
      `Nothing was changed: half precision cannot hold ${vectors} ` +
        'named above. Correct them, or add --set-aside to adopt their rows without a vector ' +
        '(the originals are kept).',
    );
  }
}

interface Rename {
  readonly kind: 'table' | 'index' | 'sequence' | 'function';
  readonly from: string;
  readonly to: string;
}

/**
 * Takes the old tables' names, and those of their indexes and functions, out of the way. Everything
 * else of them stays as it is, triggers and policies for others included, so that to undo is to
 * give the names back. Row-level security without a policy keeps everybody but the owner from rows
 * that nothing else guards any more.
 */
async function renameLegacyObjects(
  run: RunQuery,
  { tables, migrationsTable }: LegacyDatabase,
): Promise<Rename[]> {
  const names = [
    ...tables.map(({ name }) => name),
    VERSION_TABLE,
    ...(migrationsTable ? [LOG_TABLE] : []),
  ];
  const indexes = await run<{ name: string }>(
    'select c.relname::text as name from pg_index i ' +
      'join pg_class c on c.oid = i.indexrelid ' +
      'where i.indrelid in ' +
      `(${names.map(name => `${escapeLiteral(escapeIdentifier(name))}::regclass`).join(', ')}) ` +
      'order by 1',
  );
  const sequences = migrationsTable
    ? await run<{ name: string }>(
        'select relname::text as name from pg_class ' +
          "where relnamespace = current_schema()::regnamespace and relkind = 'S'",
      )
    : [];
  const functions = await run<{ name: string }>(
    'select p.proname::text as name from pg_proc p ' +
      'where p.pronamespace = current_schema()::regnamespace and p.pronargs = 0 ' +
      "and p.proname in ('update_updated_at_column', 'create_bot_for_tenant')",
  );
  const renames: Rename[] = [
    ...names.map(name => ({ kind: 'table' as const, from: name, to: legacyName(name)! })),
    ...indexes.map(({ name }, index) => ({
      kind: 'index' as const,
      from: name,
      to: legacyName(name) ?? `${LEGACY_PREFIX}index_${index + 1}`,
    })),
    ...sequences.map(({ name }) => ({
      kind: 'sequence' as const,
      from: name,
      to: legacyName(name)!,
    })),
    ...functions.map(({ name }) => ({
      kind: 'function' as const,
      from: name,
      to: legacyName(name)!,
    })),
  ];
  for (const { kind, from, to } of renames)
    await run(
      `alter ${kind} ${escapeIdentifier(from)}${kind === 'function' ? '()' : ''} rename to ` +
        `${escapeIdentifier(to)}`,
    );
  for (const name of names) await run(`alter table ${legacyName(name)} enable row level security`);
  return renames;
}

async function createAdoptionTables(run: RunQuery): Promise<void> {
  await run(`create table ${ADOPTION_TABLE} (
    revision text not null, adopted_at timestamptz not null default now(), renames jsonb not null,
    new_extensions text[] not null, granted_schema text[] not null)`);
  await run(
    `create table ${CHANGES_TABLE} (table_name text not null, id uuid not null, ` +
      'column_name text not null, why text not null, primary key (table_name, id, ' +
      'column_name))',
  );
  await run(
    `create table ${NEW_IDS_TABLE} (table_name text not null, old_id uuid not null, ` +
      'new_id uuid not null default gen_random_uuid(), primary key (table_name, old_id))',
  );
  await run(
    `create table ${ROWS_TABLE} (table_name text not null, id uuid not null, digest uuid ` +
      'not null, primary key (table_name, id))',
  );
  for (const table of [ADOPTION_TABLE, CHANGES_TABLE, NEW_IDS_TABLE, ROWS_TABLE])
    await run(`alter table ${table} enable row level security`);
}

/**
 * Makes the first searches as fast as later ones. Nothing is lost where it fails: the server does
 * it by itself, later.
 */
async function vacuum(database: Database, progress: AdoptionOptions['progress']): Promise<void> {
  for (const table of ADOPTED_TABLES) {
    progress(`Vacuuming ${table}`);
    await database.orm.em
      .getDriver()
      .getConnection()
      .execute(`vacuum (analyze) ${table}`)
      .catch(() => {});
  }
}

function arrayOf(names: readonly string[]): string {
  return `array[${names.map(escapeLiteral).join(', ')}]::text[]`;
}
