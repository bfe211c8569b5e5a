import type { Config } from '../../config.js';
import { checkDatabase, type CheckReport } from '../../ops/migrations/check.js';
import type { Difference } from '../../ops/migrations/drift.js';
import { ENTITIES } from '../../entities.js';
import type { CommandIo } from '../command-io.js';
import { describeDatabase, embeddedExists, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';

/**
 * `weaver db check`: one line for each thing that is not as the migrations make it; whether there
 * is none.
 */
export async function checkCommand(config: Config, io: CommandIo): Promise<boolean> {
  const where = describeDatabase(config.database, 'migrate');
  if (!embeddedExists(config.database)) {
    io.out('There is no database yet. "npx weaver db up" creates it.');
    return false;
  }
  const progress = new Progress(io, 'Checking');
  const report = await withDatabase(config, 'migrate', database =>
    checkDatabase(database, ENTITIES, doing => progress.update(undefined, doing)),
  ).finally(() => progress.end());
  const lines = [...migrationLines(report), ...(report.drift ?? []).map(driftLine)];
  for (const line of lines) io.out(line);
  if (report.drift === undefined)
    io.say(
      'The tables were not compared, because this version does not know the migrations ' +
        'of another version.',
    );
  if (lines.length === 0)
    io.out(
      `At head (${report.state.executed.at(-1)!.name}), and nothing differs from what ` +
        'the migrations make.',
    );
  else if (report.drift?.length) {
    const stampLines =
      report.state.pending.length > 0
        ? ' Or a migration that is pending was run already: "npx weaver db stamp" notes that.'
        : '';
    io.say(
      'Somebody changed the database manually. Put the change into a migration, or undo ' +
        `it.${stampLines}`,
    );
  }
  io.say(`This is ${where}.`);
  return lines.length === 0;
}

function migrationLines({ state: { pending, unknown, edited } }: CheckReport): string[] {
  return [
    ...pending.map(name => `pending   ${name}`),
    ...unknown.map(name => `unknown   ${name}  (applied by another version of Weaver)`),
    ...edited.map(name => `edited    ${name}  (emits other SQL than when it was applied)`),
  ];
}

function driftLine({ where, kind, what }: Difference): string {
  return `${kind.padEnd(10)}${where}: ${what}`;
}
