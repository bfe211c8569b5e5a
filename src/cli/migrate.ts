import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import { reason } from '../db/connection-errors.js';
import { applyMigrations, COUNTED_ROWS, knownMigrations, lastRevertRemoves, migrationState, revertLastMigration, type MigrationState, type Removal } from '../db/migrations.js';
import type { CommandIo } from './command-io.js';
import { describeDatabase, embeddedExists, withDatabase } from './open-database.js';

export async function migrateUp(config: Config, io: CommandIo): Promise<void> {
  const where = describeDatabase(config.database, 'migrate');
  const applied = await withDatabase(config, 'migrate', database =>
    applyMigrations(database, name => io.out(`Applied ${name}`)).catch(error => {
      throw migrationError(error);
    }),
  );
  if (applied.length === 0) io.out('Nothing to do: no migration is pending.');
  io.say(`This is ${where}.`);
}

export async function migrateDown(config: Config, io: CommandIo, { yes }: { yes: boolean }): Promise<void> {
  if (!embeddedExists(config.database)) return io.out('Nothing to do: there is no database yet.');
  await withDatabase(config, 'migrate', async database => {
    const revert = await lastRevertRemoves(database).catch(error => {
      throw migrationError(error);
    });
    if (!revert) return io.out('Nothing to do: no migration is applied.');
    io.say(`Reverting ${revert.name} in ${describeDatabase(config.database, 'migrate')}:`);
    for (const removal of revert.removals) io.say(`  removes the ${removal.kind} ${removal.what} (${rowsOf(removal)})`);
    if (!yes && revert.removals.some(removal => removal.rows > 0)) throw new StartupError('Nothing was changed. Add --yes to lose these rows.');
    await revertLastMigration(database).catch(error => {
      throw migrationError(error);
    });
    io.out(`Reverted ${revert.name}`);
  });
}

export async function migrationStatus(config: Config, io: CommandIo, { json }: { json: boolean }): Promise<void> {
  const where = describeDatabase(config.database, 'migrate');
  const exists = embeddedExists(config.database);
  const state: MigrationState = exists
    ? await withDatabase(config, 'migrate', migrationState).catch(error => {
        throw error instanceof StartupError ? error : new StartupError(`The log of migrations in ${where} cannot be read: ${reason(error)}.`, { cause: error });
      })
    : { executed: [], pending: knownMigrations(), unknown: [] };
  if (json) {
    const { executed, pending, unknown } = state;
    const applied = executed.map(({ name, executedAt }) => ({ name, appliedAt: `${executedAt.replace(' ', 'T')}Z` }));
    return io.out(JSON.stringify({ database: { kind: config.database.kind, description: where, exists }, applied, pending, unknown }, null, 2));
  }
  io.out(`Database  ${where}${exists ? '' : ', which does not exist yet'}`);
  const note = (name: string): string => (state.unknown.includes(name) ? '  (not known to this version of Weaver)' : '');
  const applied = state.executed.map(({ name, executedAt }) => `${name}  ${executedAt} UTC${note(name)}`);
  for (const line of [...labelled('Applied', applied), ...labelled('Pending', state.pending)]) io.out(line);
  if (state.pending.length > 0) io.say('Apply what is pending with "npx weaver db up".');
}

function labelled(label: string, lines: readonly string[]): string[] {
  return (lines.length > 0 ? lines : ['none']).map((line, index) => `${(index === 0 ? label : '').padEnd(10)}${line}`);
}

function rowsOf({ kind, rows }: Removal): string {
  const count = rows > COUNTED_ROWS ? `more than ${COUNTED_ROWS} rows` : `${rows} row${rows === 1 ? '' : 's'}`;
  return kind === 'table' ? count : `of a table with ${count}`;
}

/** SQLSTATE codes: raised by a statement of ours; no right to do it; not installed on the server. */
const RAISED = 'P0001';
const NOT_ALLOWED = '42501';
const NOT_INSTALLED = new Set(['0A000', '58P01']);
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** What a migration ran into, in one sentence; the statement and its values stay out of it. */
function migrationError(error: unknown): unknown {
  const { code } = error as { code?: string };
  if (error instanceof StartupError || code === undefined || !SQLSTATE.test(code)) return error;
  const because = reason(error);
  if (code === RAISED) return new StartupError(`${because}.`, { cause: error });
  const mend =
    code === NOT_ALLOWED
      ? ' Run "npx weaver db bootstrap" as a superuser first, and migrate as a login that may create tables (WEAVER_MIGRATION_URL).'
      : NOT_INSTALLED.has(code)
        ? ' Install pgvector (0.8.2 or later) and PostgreSQL\'s contrib modules on the server.'
        : '';
  return new StartupError(`The migrations cannot go on: ${because} (SQLSTATE ${code}). What failed was rolled back.${mend}`, { cause: error });
}
