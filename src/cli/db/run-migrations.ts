import { StartupError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import { openIssues } from '../../ops/doctor/rows.js';
import { migratorOf, runMigrations } from '../../ops/migrations/run.js';
import { asMigrationFailure, MigrationFailure } from '../../ops/migrations/failure.js';
import { DEFAULT_GUARDS, type MigrationGuards } from '../../ops/migrations/guards.js';
import { removalText } from '../../ops/migrations/removals.js';
import { changeText } from '../../ops/migrations/rows-of-owner.js';
import { isHead, stepTarget, type Target } from '../../ops/migrations/targets.js';
import type { Database } from '../../db/database.js';
import type { RunOptions } from '../../ops/migrations/migrator.js';
import type { CommandIo } from '../command-io.js';
import { untilInterrupted } from '../interruption.js';
import { describeDatabase, embeddedExists, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import { addressesProblem } from '../check-addresses.js';

export interface GuardOptions {
  readonly yes?: boolean;
  readonly wait?: boolean;
  readonly lockTimeout?: number;
  readonly statementLockTimeout?: number;
  readonly allowOutOfOrder?: boolean;
  readonly acceptEdited?: boolean;
}

/** What the options of a command agree to. */
export function guardsOf(
  config: Config,
  io: CommandIo,
  {
    yes = false,
    wait = true,
    lockTimeout,
    statementLockTimeout,
    allowOutOfOrder = false,
    acceptEdited = false,
  }: GuardOptions,
): MigrationGuards {
  return {
    ...DEFAULT_GUARDS,
    lockTimeoutMs: wait
      ? lockTimeout === undefined
        ? config.migrationLockMs
        : lockTimeout * 1_000
      : 0,
    statementLockTimeoutMs:
      statementLockTimeout === undefined ? config.statementLockMs : statementLockTimeout * 1_000,
    allowOutOfOrder,
    acceptEdited,
    confirmed: yes,
    announce({ method, names, removals }) {
      if (method === 'down')
        io.say(`Reverting ${names.join(', ')} in ${describeDatabase(config.database, 'migrate')}:`);
      for (const removal of removals) io.say(`  ${removalText(removal)}`);
    },
    changed: (migration, change) => io.say(`${migration} ${changeText(change)}.`),
    warn: line => io.say(line),
  };
}

export async function migrateUp(
  config: Config,
  io: CommandIo,
  target: string | undefined,
  options: GuardOptions,
): Promise<void> {
  const step = stepTarget(target, '+');
  await untilRun('applied', config, io, async (database, signal) => {
    const { pending } = await migratorOf(database).names();
    const run = upTo(step, pending);
    const applied = await withProgress(io, 'Applying', onStart =>
      runMigrations(database, 'up', run, {
        guards: { ...guardsOf(config, io, options), signal },
        begins: onStart,
      }),
    );
    for (const name of applied) io.out(`Applied ${name}`);
    const issues = applied.length === 0 ? [] : await openIssues(database);
    for (const line of issues) io.say(line);
    if (issues.length > 0)
      io.say('"npx weaver db doctor" lists the rows and says how to correct them.');
    if (applied.length === 0)
      io.out(
        target === undefined || isHead(target) || pending.length === 0
          ? 'Nothing to do: no migration is pending.'
          : `Nothing to do: ${target} is applied already.`,
      );
    io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
  });
}

export async function migrateDown(
  config: Config,
  io: CommandIo,
  target: string | undefined,
  options: GuardOptions,
): Promise<void> {
  const step = stepTarget(target, '-');
  if (!embeddedExists(config.database)) return io.out('Nothing to do: there is no database yet.');
  await untilRun('reverted', config, io, async (database, signal) => {
    const { executed } = await migratorOf(database).names();
    if (executed.length === 0) {
      if (step.kind === 'name')
        throw new StartupError(`There is no applied migration ${step.name}. There is none at all.`);
      return io.out('Nothing to do: no migration is applied.');
    }
    const run = downTo(step, executed);
    const reverted = await withProgress(io, 'Reverting', onStart =>
      runMigrations(database, 'down', run, {
        guards: { ...guardsOf(config, io, options), signal },
        begins: onStart,
      }),
    );
    for (const name of reverted) io.out(`Reverted ${name}`);
    if (reverted.length === 0) io.out(`Nothing to do: ${target} is the last that is applied.`);
  });
}

function upTo(target: Target, pending: readonly string[]): RunOptions {
  if (target.kind === 'name') return { to: target.name };
  if (target.kind !== 'steps') return undefined;
  if (target.steps > pending.length)
    throw new StartupError(
      `Nothing was changed: +${target.steps} reaches too far, ` +
        `${countMigrations(pending.length)} pending.`,
    );
  return { migrations: pending.slice(0, target.steps) };
}

function downTo(target: Target, executed: readonly string[]): RunOptions {
  if (target.kind === 'base') return { to: 0 };
  if (target.kind === 'name') return { to: target.name };
  const steps = target.kind === 'steps' ? target.steps : 1;
  if (steps > executed.length)
    throw new StartupError(
      `Nothing was changed: -${steps} reaches too far, ` +
        `${countMigrations(executed.length)} applied.`,
    );
  return { migrations: executed.slice(-steps) };
}

function countMigrations(count: number): string {
  return count === 0 ? 'no migration is' : `${count} migration${count === 1 ? ' is' : 's are'}`;
}

/** Shows which migration is at work. */
async function withProgress(
  io: CommandIo,
  verb: string,
  work: (onStart: (name: string) => void) => Promise<string[]>,
): Promise<string[]> {
  let progress: Progress | undefined;
  const onStart = (name: string): void => {
    progress?.end();
    progress = new Progress(io, `${verb} ${name}`);
  };
  return work(onStart).finally(() => progress?.end());
}

/**
 * Opens the database as its owner, unless it is another than the gateway's; failures of migrations
 * become one sentence.
 */
export async function withMigrationDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const migrating = async (database: Database): Promise<T> => {
    const problem = await addressesProblem(config.database, database, 'migrate');
    if (problem)
      throw new StartupError(
        `${problem} Nothing was changed. Let both lead to the same database, each with ` +
          'its own login.',
      );
    return work(database).catch(error => {
      throw asMigrationFailure(error);
    });
  };
  return withDatabase(config, 'migrate', migrating, signal);
}

/**
 * One run of `up` or `down`, which ends in order when it is interrupted: with what the log says
 * then.
 */
async function untilRun(
  verb: 'applied' | 'reverted',
  config: Config,
  io: CommandIo,
  work: (database: Database, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let kept = 'nothing was changed';
  await untilInterrupted(
    () => kept,
    signal =>
      withMigrationDatabase(config, async database => {
        const before = await logged(database);
        await work(database, signal).catch(async error => {
          if (signal.aborted) kept = await keptOf(verb, database, before, error);
          // Beside one that failed: each may have had a transaction of its own.
          else if (error instanceof MigrationFailure)
            for (const name of await changedSince(database, before).catch(() => []))
              io.out(`${verb === 'applied' ? 'Applied' : 'Reverted'} ${name}`);
          throw error;
        });
      }),
  );
}

async function logged(database: Database): Promise<string[]> {
  return (await migratorOf(database).names()).executed;
}

/** Migrations that the log has now and had not before, or the other way round. */
async function changedSince(database: Database, before: readonly string[]): Promise<string[]> {
  const after = await logged(database);
  return [
    ...after.filter(name => !before.includes(name)),
    ...before.filter(name => !after.includes(name)).toReversed(),
  ];
}

async function keptOf(
  verb: string,
  database: Database,
  before: readonly string[],
  error: unknown,
): Promise<string> {
  const done = await changedSince(database, before);
  const run =
    done.length === 0
      ? 'nothing of this run was kept'
      : `${done.join(', ')} ${done.length === 1 ? 'is' : 'are'} ${verb}, and nothing else ` +
        'of this run was kept';
  // Outside a transaction more can be left, and its sentences say so.
  const left = error instanceof MigrationFailure ? error.consequence : '';
  return /cannot be undone|It left/.test(left) ? `${run}. ${left.replace(/\.$/, '')}` : run;
}
