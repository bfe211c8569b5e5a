import { escapeLine } from '../../base/control-characters.js';
import { StartupError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import { emittedSql, migrationFiles } from '../../ops/migrations/emitted-sql.js';
import { oneName } from '../../ops/migrations/names.js';
import { isHead, refuseSteps } from '../../ops/migrations/targets.js';
import { migratorOf } from '../../ops/migrations/run.js';
import { knownMigrations } from '../../ops/migrations/state.js';
import type { CommandIo } from '../command-io.js';
import { describeDatabase } from '../open-database.js';
import { migrationNote, stateOf } from './migration-status.js';
import { guardsOf, withMigrationDatabase, type GuardOptions } from './run-migrations.js';

/** `weaver db current`: the last applied migration, and whether it is the head. */
export async function showCurrent(config: Config, io: CommandIo): Promise<void> {
  const state = await stateOf(config);
  const last = state.executed.at(-1)?.name;
  if (last === undefined) io.out('base');
  else {
    const atHead = last === knownMigrations().at(-1) && state.pending.length === 0;
    io.out(`${last}${atHead ? ' (head)' : ''}${migrationNote(state, last)}`);
  }
  if (
    state.pending.length === 0 &&
    last !== undefined &&
    last !==
      state.executed
        .map(({ name }) => name)
        .toSorted()
        .at(-1)
  )
    io.say('It was applied after migrations that are newer than it. None is pending.');
  if (state.pending.length > 0) {
    const late = state.pending.filter(name => state.executed.some(applied => applied.name > name));
    const refused =
      late.length > 0
        ? `, with --allow-out-of-order, since ${late.join(', ')} ` +
          `${late.length === 1 ? 'is' : 'are'} older than what is applied`
        : '';
    io.say(
      `Not at head: ${state.pending.length} pending. "npx weaver db up" applies ` +
        `${state.pending.length === 1 ? 'it' : 'them'}${refused}.`,
    );
  }
  io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
}

/** `weaver db history`: every migration, oldest first, with when it was applied. */
export async function showHistory(config: Config, io: CommandIo): Promise<void> {
  const state = await stateOf(config);
  const times = new Map(state.executed.map(({ name, executedAt }) => [name, `${executedAt} UTC`]));
  const all = [...knownMigrations(), ...state.unknown].toSorted();
  const width = Math.max(...all.map(name => escapeLine(name).length));
  const last = state.executed.at(-1)?.name;
  for (const name of all) {
    const marks = [name === knownMigrations().at(-1) && 'head', name === last && 'current'].filter(
      mark => mark !== false,
    );
    const time = (times.get(name) ?? 'pending').padEnd(23);
    const note = (marks.length > 0 ? `  (${marks.join(', ')})` : '') + migrationNote(state, name);
    io.out(`${escapeLine(name).padEnd(width)}  ${time}${note}`.trimEnd());
  }
  io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
}

/** `weaver db heads`: there is one line of migrations, so there is one. */
export function showHeads(io: CommandIo): void {
  io.out(`${knownMigrations().at(-1) ?? 'base'} (head)`);
}

/** `weaver db show`: a migration with its SQL in both directions. Needs no database. */
export async function showMigration(io: CommandIo, given: string): Promise<void> {
  refuseSteps(given);
  const files = migrationFiles();
  const found = oneName(
    [...files.keys()],
    isHead(given) ? ([...files.keys()].at(-1) ?? '') : given,
    'There is no migration',
  );
  if ('problem' in found) throw new StartupError(found.problem);
  const emitted = await emittedSql(files.get(found.name)!);
  io.out(`-- ${found.name}`);
  io.out(`-- ${files.get(found.name)!}`);
  const where = emitted.transactional ? 'in a transaction' : 'outside a transaction';
  const besides = emitted.readsDatabase
    ? '; runs statements of its own besides, which depend on what it finds'
    : '';
  io.out(`-- ${where}${besides}`);
  for (const [title, statements] of [
    ['up', emitted.up],
    ['down', emitted.down],
  ] as const) {
    io.outLines(`\n-- ${title}${statements === undefined ? ': there is none' : ''}`);
    for (const sql of statements ?? []) io.outLines(`${sql.trim().replace(/;$/, '')};`);
  }
}

/** `weaver db stamp`: makes the log say that the database is at a migration, and runs nothing. */
export async function stamp(
  config: Config,
  io: CommandIo,
  target: string,
  options: GuardOptions,
): Promise<void> {
  refuseSteps(target);
  await withMigrationDatabase(config, async database => {
    const migrator = migratorOf(database, { guards: guardsOf(config, io, options) });
    const { known, executed } = await migrator.names();
    const last =
      target === 'base' || target === '0'
        ? undefined
        : isHead(target)
          ? known.at(-1)
          : migrator.oneOf(known, target, 'There is no migration');
    const wantedNames = last === undefined ? [] : known.slice(0, known.indexOf(last) + 1);
    const missingFromLog = executed.filter(name => !wantedNames.includes(name));
    const logged = wantedNames.filter(name => !executed.includes(name));
    for (const name of missingFromLog) {
      await migrator.unlogMigration(name);
      io.out(`Unlogged ${name}`);
    }
    for (const name of logged) {
      await migrator.logMigration(name);
      io.out(`Logged ${name}`);
    }
    if (missingFromLog.length + logged.length === 0)
      io.out(`Nothing to do: the log says ${last ?? 'base'} already.`);
    else
      io.say('Only the log was changed. "npx weaver db check" says whether the tables match it.');
    io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
  });
}
