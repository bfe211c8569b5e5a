import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import type { CommandContext } from '../command-io.js';
import { ENVIRONMENT_HELP, NAMES_HELP } from './migration-commands.js';

/** Commands that say what there is, and change nothing. */
export function addRevisionCommands(group: Command, { io, fail }: CommandContext): void {
  group
    .command('status')
    .summary('show what is applied and what is pending')
    .description(
      'Shows which database is configured, which migrations are applied and since when ' +
        '(UTC), and which are pending. ' +
        'Changes nothing. The exit code does not depend on what it finds.',
    )
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db status\n  npx weaver db status --json`,
    )
    .action(async ({ json = false }: { json?: boolean }) =>
      (await import('./migration-status.js')).migrationStatus(readConfig(io.env), io, { json }),
    );

  group
    .command('check')
    .summary('compare the database with the result of its migrations')
    .description(
      'Exits with 0 if no migration is pending and the database matches its migrations: ' +
        'tables, columns, indexes, constraints, triggers, functions, policies, grants, ' +
        'row-level security. Otherwise exits with 1 and lists each difference. Ignores ' +
        'indexes of "weaver search tune" and tables weaver_legacy_…. Changes nothing.',
    )
    .addHelpText('after', `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db check`)
    .action(async () => {
      if (!(await (await import('./check.js')).checkCommand(readConfig(io.env), io))) fail();
    });

  group
    .command('current')
    .summary('show the last applied migration')
    .description(
      'Prints the last applied migration, and whether it is the head; base where none is ' +
        'applied. Changes nothing.',
    )
    .addHelpText('after', `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db current`)
    .action(async () => (await import('./revisions.js')).showCurrent(readConfig(io.env), io));

  group
    .command('history')
    .summary('list all migrations, with when each was applied')
    .description(
      'Lists every migration, oldest first, with when it was applied (UTC) or that it is ' +
        'pending, and which are the head and the current one. Changes nothing.',
    )
    .addHelpText('after', `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db history`)
    .action(async () => (await import('./revisions.js')).showHistory(readConfig(io.env), io));

  group
    .command('heads')
    .summary('show the newest migration of this version')
    .description(
      'Prints the newest migration of this version of Weaver. There is always exactly ' +
        'one head. Needs no database.',
    )
    .addHelpText('after', '\nExamples:\n  npx weaver db heads')
    .action(async () => (await import('./revisions.js')).showHeads(io));

  group
    .command('show <migration>')
    .summary('print the SQL of a migration')
    .description('Prints a migration with its SQL in both directions. Needs no database.')
    .addHelpText(
      'after',
      `${NAMES_HELP}\n\nExamples:\n  npx weaver db show head\n  npx weaver db show 20261123`,
    )
    .action(async (migration: string) =>
      (await import('./revisions.js')).showMigration(io, migration),
    );
}
