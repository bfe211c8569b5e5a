import { InvalidArgumentError, Option, type Command } from 'commander';
import { readConfig } from '../../config.js';
import type { CommandContext } from '../command-io.js';
import type { RevisionOptions } from './revision.js';
import type { GuardOptions } from './run-migrations.js';

export const ENVIRONMENT_HELP = `
Environment:
  DATABASE_URL             the database; not set: the embedded one in WEAVER_DATA_DIR
  WEAVER_MIGRATION_URL     the same database as the owner of its tables (DATABASE_URL)`;

export const NAMES_HELP = `
A migration is named by its full name or by the beginning of it, of its timestamp or of its words,
four characters at least.`;

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
      'Writes the file of a new migration, empty or with what the entities have and the ' +
        'migrations do not make. Needs the source tree and no database.',
    )
    .requiredOption('-m, --message <message>', 'what it does, which becomes its name')
    .option('--autogenerate', 'compare the entities with what the migrations make')
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
        'Applies every pending migration, or those as far as the target: +N, the name of ' +
          'a migration, or head. All of them in one transaction, so that ' +
          ('a failure leaves the database as it was; where one builds an index while ' +
            'others write, each in its own, so that those before a failure stay. ') +
          'Harmless when there is none.',
      )
      .option('--to <target>', 'the same as the argument')
      .option('--sql', 'change nothing and need no database: print the script for psql')
      .option('--from <target>', 'with --sql: where the database is (up: base, down: head)'),
  )
    .addOption(statementLockTimeout())
    .option('--yes', 'go ahead although rows are lost')
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
        throw new InvalidArgumentError('--from is for --sql: a run begins where the database is.');
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
          'migration, which stays, or base for all. Says first which tables and ' +
          'columns go, with how many rows, and stops there when there are rows.',
      )
      .option('--to <target>', 'the same as the argument')
      .option('--sql', 'change nothing and need no database: print the script for psql')
      .option('--from <target>', 'with --sql: where the database is (up: base, down: head)'),
  )
    .addOption(statementLockTimeout())
    .option('--yes', 'go ahead although rows are lost')
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
        throw new InvalidArgumentError('--from is for --sql: a run begins where the database is.');
      await (
        await import('./run-migrations.js')
      ).migrateDown(readConfig(io.env), io, oneTarget(target, options), options);
    });

  addGuardOptions(
    group
      .command('stamp <target>')
      .summary('make the log say what is applied, without running anything')
      .description(
        'Makes the log of migrations say that the database is at the target: the name of ' +
          'a migration, head, or base. Runs no migration.',
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
  if (/^[+-]\d+$/.test(to ?? ''))
    throw new InvalidArgumentError(
      'Without a database there is no counting of steps: name the ends with --from and --to.',
    );
  return offlineScript(method, { from: from || undefined, to: to || undefined });
}

/** Options of every command that takes the lock of migrations. */
function addGuardOptions(command: Command): Command {
  return command
    .option('--no-wait', 'fail at once while another process migrates')
    .addOption(
      new Option(
        '--lock-timeout <seconds>',
        'how long to wait for it (WEAVER_MIGRATION_LOCK_TIMEOUT, or 60)',
      ).argParser(parseSeconds),
    )
    .option(
      '--accept-edited',
      'go on although applied migrations were edited, and take them as they are now',
    );
}

function statementLockTimeout(): Option {
  const description =
    'how long a statement waits for a table that others hold, 0: without limit ' +
    '(WEAVER_STATEMENT_LOCK_TIMEOUT, or 5)';
  return new Option('--statement-lock-timeout <seconds>', description).argParser(parseSeconds);
}

function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!/^\d+$/.test(value) || seconds > 86_400)
    throw new InvalidArgumentError('Give a whole number of seconds, 86400 at most.');
  return seconds;
}

function oneTarget(argument: string | undefined, { to }: RunCommandOptions): string | undefined {
  if (argument !== undefined && to !== undefined && argument !== to)
    throw new InvalidArgumentError(`"${argument}" and --to ${to}: give one target.`);
  return argument ?? to;
}
