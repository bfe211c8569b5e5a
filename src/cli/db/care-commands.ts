import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import type { CommandContext } from '../command-io.js';
import { MIGRATING, NAMES } from './migration-commands.js';

/** Commands around migrations: before them, and against accidents. */
export function addCareCommands(group: Command, { io, fail }: CommandContext): void {
  group
    .command('lint [migrations...]')
    .summary('name unsafe operations in migrations')
    .description(
      'Names what can hurt a database with rows and users: locks that block writes, tables that are written anew, missing "down", lost columns. Looks at all ' +
        'migrations where none is named. What is all right says so in its statement: -- lint: allow <rule>: <reason>. Needs no database. Exits with 1 when anything is unsafe.',
    )
    .addHelpText('after', `${NAMES}\n\nExamples:\n  npx weaver db lint\n  npx weaver db lint head`)
    .action(async (migrations: string[]) => {
      if (!(await (await import('./lint.js')).lintCommand(io, migrations))) fail();
    });

  group
    .command('rehearse')
    .summary('try the pending migrations without changing anything')
    .description('Applies the pending migrations to a copy of the catalogue in memory, without rows, and tells the time, the locks and the result of each. Exits with 1 when one fails.')
    .option('--on-data', 'in the database itself, in a transaction that is rolled back: real times, and real locks until the end')
    .addHelpText('after', `${MIGRATING}\n\nExamples:\n  npx weaver db rehearse\n  npx weaver db rehearse --on-data`)
    .action(async (options: { onData?: boolean }) => {
      if (!(await (await import('./rehearse.js')).rehearseCommand(readConfig(io.env), io, options))) fail();
    });

  group
    .command('backup <file>')
    .summary('write a backup and check that it opens')
    .description(
      'Writes the database into a file (pg_dump in custom format; the embedded one as an archive), then opens the copy and compares its rows. ' +
        'The file holds every row of every tenant: keep it accordingly.',
    )
    .addHelpText('after', `${MIGRATING}\n\nRow-level security hides the rows from the owner, too: back up as a superuser or a role with BYPASSRLS.\n\nExamples:\n  npx weaver db backup weaver.dump`)
    .action(async (file: string) => (await import('./backup.js')).backupCommand(readConfig(io.env), io, file));

  group
    .command('restore <file>')
    .summary('restore a backup')
    .description('Restores a file of "weaver db backup", all or nothing, and compares the rows. Stops where the database has rows.')
    .option('--yes', 'replace the rows that are there')
    .addHelpText('after', `${MIGRATING}\n\nExamples:\n  npx weaver db restore weaver.dump`)
    .action(async (file: string, options: { yes?: boolean }) => (await import('./backup.js')).restoreCommand(readConfig(io.env), io, file, options));
}
