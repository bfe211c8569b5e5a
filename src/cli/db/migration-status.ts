import { StartupError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import { reason } from '../../ops/connection-errors.js';
import { migrationState, stateOfLog, type MigrationState } from '../../ops/migrations/state.js';
import type { CommandIo } from '../command-io.js';
import { describeDatabase, embeddedExists, withDatabase } from '../open-database.js';

/**
 * What is applied and what is pending in the configured database; all is pending in one that does
 * not exist.
 */
export async function stateOf(config: Config): Promise<MigrationState> {
  if (!embeddedExists(config.database)) return stateOfLog([]);
  return withDatabase(config, 'migrate', migrationState).catch(error => {
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `The log of migrations in ${describeDatabase(config.database, 'migrate')} cannot ` +
        `be read: ${reason(error)}.`,
      { cause: error },
    );
  });
}

export async function migrationStatus(
  config: Config,
  io: CommandIo,
  { json }: { json: boolean },
): Promise<void> {
  const where = describeDatabase(config.database, 'migrate');
  const exists = embeddedExists(config.database);
  const state = await stateOf(config);
  if (json) {
    const { executed, pending, unknown, edited } = state;
    const applied = executed.map(({ name, executedAt }) => ({
      name,
      appliedAt: `${executedAt.replace(' ', 'T')}Z`,
    }));
    return io.outLines(
      JSON.stringify(
        {
          database: { kind: config.database.kind, description: where, exists },
          applied,
          pending,
          unknown,
          edited,
        },
        null,
        2,
      ),
    );
  }
  io.out(`Database  ${where}${exists ? '' : ', which does not exist yet'}`);
  const applied = state.executed.map(
    ({ name, executedAt }) => `${name}  ${executedAt} UTC${migrationNote(state, name)}`,
  );
  for (const line of [...addLabel('Applied', applied), ...addLabel('Pending', state.pending)])
    io.out(line);
  if (state.pending.length > 0) io.say('Apply what is pending with "npx weaver db up".');
}

/** What is odd about an applied migration, in brackets. */
export function migrationNote({ unknown, edited }: MigrationState, name: string): string {
  if (unknown.includes(name)) return '  (not known to this version of Weaver)';
  return edited.includes(name) ? '  (edited after it was applied)' : '';
}

function addLabel(label: string, lines: readonly string[]): string[] {
  return (lines.length > 0 ? lines : ['none']).map(
    (line, index) => `${(index === 0 ? label : '').padEnd(10)}${line}`,
  );
}
