import { InvalidArgumentError, Option, type Command } from 'commander';
import { readConfig } from '../../config.js';
import { migrationWordsProblem } from '../../ops/migrations/new-migration-name.js';
import { refuseSteps } from '../../ops/migrations/targets.js';
import type { CommandContext } from '../command-io.js';
import { wholeNumber } from '../whole-number.js';
import type { RevisionOptions } from './revision.js';
import type { GuardOptions } from './run-migrations.js';

export const ENVIRONMENT_HELP = `
Environment:
  DATABASE_URL             the database; not set: the embedded one in WEAVER_DATA_DIR
  WEAVER_MIGRATION_URL     the same database as the owner of its tables (DATABASE_URL)`;

export const NAMES_HELP = `
A migration is named by its full name or by the beginning of it, of its timestamp or of its words,
four characters at least.`;

const SECONDS = wholeNumber(0, 86_400, 'seconds');

interface RunCommandOptions extends GuardOptions {
  readonly to?: string;
  readonly from?: string;
  readonly sql?: boolean;
}

/** Commands that write a migration and change what is applied. */
export function addMigrationCommands(group: Command, { io }: CommandContext): void {
  group
    .command('revision')
    .summary('write a new migration')
    .description(
      'Writes the file of a new migration, empty or with the differences between the ' +
        'entities and the existing migrations. Needs the source tree, but no database.',
    )
    .addOption(
      new Option('-m, --message <message>', 'what it does, which becomes its name')
        .makeOptionMandatory()
        .argParser(migrationWords),
    )
    .option('--autogenerate', 'compare the entities with the result of the migrations')
    .option('--path <folder>', 'where the file goes (migrations)')
    .addHelpText(
      'after',
      '\nExamples:\n  npx weaver db revision -m "add language to docs" --autogenerate\n ' +
        ' npx weaver db revision -m "move plans"',
    )
    .action(async (options: RevisionOptions) =>
      (await import('./revision.js')).createRevision(io, options),
    );

  addGuardOptions(
    group
      .command('up [target]')
      .summary('apply pending migrations')
      .description(
        'Applies all pending migrations, or those up to the target: +N, the name of a ' +
          'migration, or head. They run in one transaction, so a failure leaves the ' +
          'database unchanged. If one of them must run outside a transaction, each of the ' +
          'others has its own, and those before a failure stay applied. Does nothing if no ' +
          'migration is pending.',
      )
      .option('--to <target>', 'the same as the argument')
      .option('--sql', 'only print a script for psql; needs no database')
      .option('--from <target>', 'with --sql: where the database is (up: base, down: head)'),
  )
    .addOption(statementLockTimeout())
    .option('--yes', 'continue even if rows are lost')
    .option('--allow-out-of-order', 'apply migrations that are older than applied ones')
    .addHelpText(
      'after',
      `${NAMES_HELP}\n${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db up\n  npx weaver ` +
        'db up +1\n ' +
        ' npx weaver db up --to 20261123\n  npx weaver db up --sql --from 20261123 > up.sql',
    )
    .action(async (target: string | undefined, options: RunCommandOptions) => {
      if (options.sql) return io.outLines(await script('up', target, options));
      if (options.from !== undefined)
        throw new InvalidArgumentError(
          "--from can only be used with --sql: a run starts at the database's current migration.",
        );
      await (
        await import('./run-migrations.js')
      ).migrateUp(readConfig(io.env), io, oneTarget(target, options), options);
    });

  addGuardOptions(
    group
      .command('down [target]')
      .summary('revert migrations')
      .description(
        'Reverts the last migration, or those after the target: -N, the name of a ' +
          'migration, which stays applied, or base for all. First prints which tables and ' +
          'columns will be dropped with how many rows, and stops if there are any.',
      )
      .option('--to <target>', 'the same as the argument')
      .option('--sql', 'only print a script for psql; needs no database')
      .option('--from <target>', 'with --sql: where the database is (up: base, down: head)'),
  )
    .addOption(statementLockTimeout())
    .option('--yes', 'continue even if rows are lost')
    .addHelpText(
      'after',
      `${NAMES_HELP}\n${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db down\n  npx ` +
        'weaver db down ' +
        '-2 --yes\n  npx weaver db down --to 20261123\n  npx weaver db down base\n  npx ' +
        'weaver db down --sql --from head --to base > down.sql',
    )
    .action(async (target: string | undefined, options: RunCommandOptions) => {
      if (options.sql) return io.outLines(await script('down', target, options));
      if (options.from !== undefined)
        throw new InvalidArgumentError(
          "--from can only be used with --sql: a run starts at the database's current migration.",
        );
      await (
        await import('./run-migrations.js')
      ).migrateDown(readConfig(io.env), io, oneTarget(target, options), options);
    });

  addGuardOptions(
    group
      .command('stamp <target>')
      .summary('set the migration log without running migrations')
      .description(
        'Sets the migration log to the target: the name of a migration, head, or base. ' +
          'Runs no migration.',
      ),
  )
    .addHelpText(
      'after',
      `${NAMES_HELP}\n${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db stamp head\n ` +
        ' npx weaver db stamp base',
    )
    .action(async (target: string, options: GuardOptions) =>
      (await import('./revisions.js')).stamp(readConfig(io.env), io, target, options),
    );
}

/** The script of a range, which may be written as Alembic has it, too: `from:to`. */
async function script(
  method: 'up' | 'down',
  target: string | undefined,
  options: RunCommandOptions,
): Promise<string> {
  const { offlineScript } = await import('../../ops/migrations/script.js');
  const [from, to] = target?.includes(':')
    ? target.split(':', 2)
    : [options.from, oneTarget(target, options)];
  for (const end of [from, to]) refuseSteps(end || undefined);
  return offlineScript(method, { from: from || undefined, to: to || undefined });
}

/** Options of every command that takes the lock of migrations. */
function addGuardOptions(command: Command): Command {
  return command
    .option('--no-wait', 'fail immediately if another process is migrating')
    .addOption(
      new Option(
        '--lock-timeout <seconds>',
        'how long to wait for another process that is migrating ' +
          '(WEAVER_MIGRATION_LOCK_TIMEOUT, or 60)',
      ).argParser(SECONDS),
    )
    .option(
      '--accept-edited',
      'continue although applied migrations were edited, and accept their present form',
    );
}

function statementLockTimeout(): Option {
  const description =
    'how long a statement waits for a locked table, 0: no limit ' +
    '(WEAVER_STATEMENT_LOCK_TIMEOUT, or 5)';
  return new Option('--statement-lock-timeout <seconds>', description).argParser(SECONDS);
}

function migrationWords(value: string): string {
  const problem = migrationWordsProblem(value);
  if (problem) throw new InvalidArgumentError(problem);
  return value;
}

function oneTarget(argument: string | undefined, { to }: RunCommandOptions): string | undefined {
  if (argument !== undefined && to !== undefined && argument !== to)
    throw new InvalidArgumentError(`"${argument}" and --to ${to}: give one target.`);
  return argument ?? to;
}
