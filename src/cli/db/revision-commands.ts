import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import type { CommandContext } from '../command-io.js';
import { MIGRATING } from './migration-commands.js';

/** Commands that say what there is, and change nothing. */
export function addRevisionCommands(group: Command, { io, fail }: CommandContext): void {
  group
    .command('status')
    .summary('show what is applied and what is pending')
    .description(
      'Shows which database is configured, which migrations are applied and since when (UTC), and which are pending. ' +
        'Changes nothing. The exit code does not depend on what it finds.',
    )
    .option('--json', 'as one JSON object')
    .addHelpText('after', `${MIGRATING}\n\nExamples:\n  npx weaver db status\n  npx weaver db status --json`)
    .action(async ({ json = false }: { json?: boolean }) => (await import('./migration-status.js')).migrationStatus(readConfig(io.env), io, { json }));

  group
    .command('check')
    .summary('check that the database is what the migrations make')
    .description(
      'Exits with 0 when no migration is pending and the database is what its migrations make: tables, columns, indexes, constraints, triggers, functions, ' +
        'policies, grants, row-level security. Else exits with 1 and names each difference. Indexes of "weaver search tune" and tables weaver_legacy_… are ' +
        'no difference. Changes nothing.',
    )
    .addHelpText('after', `${MIGRATING}\n\nExamples:\n  npx weaver db check`)
    .action(async () => {
      if (!(await (await import('./check.js')).checkCommand(readConfig(io.env), io))) fail();
    });
}
