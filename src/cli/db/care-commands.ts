import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import type { CommandContext } from '../command-io.js';
import type { BackupOptions } from './backup.js';
import { ENVIRONMENT_HELP, NAMES_HELP } from './migration-commands.js';
import type { RestoreCommandOptions } from './restore.js';

/** Commands around migrations: before them, and against accidents. */
export function addCareCommands(group: Command, { io, fail }: CommandContext): void {
  group
    .command('lint [migrations...]')
    .summary('name unsafe operations in migrations')
    .description(
      'Reports what can harm a database with rows and users: locks that block writes, ' +
        'tables that are rewritten, a missing "down", lost columns. Checks all migrations ' +
        'if none is named. To accept a reported statement, say so inside it: -- lint: ' +
        'allow <rule>: <reason>. Needs no database. Exits with 1 if anything is unsafe.',
    )
    .addHelpText(
      'after',
      `${NAMES_HELP}\n\nExamples:\n  npx weaver db lint\n  npx weaver db lint head`,
    )
    .action(async (migrations: string[]) => {
      if (!(await (await import('./lint.js')).lintCommand(io, migrations))) fail();
    });

  group
    .command('rehearse')
    .summary('try the pending migrations without changing anything')
    .description(
      'Applies the pending migrations to a copy of the catalog in memory, without rows, ' +
        'and prints the time, the locks and the result of each. Exits with 1 if one fails.',
    )
    .option(
      '--on-data',
      'use the database itself, in a transaction that is rolled back: real times, but ' +
        'also real locks until the end',
    )
    .addHelpText(
      'after',
      `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db rehearse\n  npx weaver db ` +
        'rehearse --on-data',
    )
    .action(async (options: { onData?: boolean }) => {
      if (!(await (await import('./rehearse.js')).rehearseCommand(readConfig(io.env), io, options)))
        fail();
    });

  group
    .command('backup <file>')
    .summary('write a backup and check it')
    .description(
      'Writes the database to a file (pg_dump in custom format; the embedded database as ' +
        'an archive), checks the copy, compares its rows, and then gives the file its ' +
        'name. The file contains every row of every tenant, and only its owner can read ' +
        'it: store it safely.',
    )
    .option(
      '--portable',
      "write the rows of Weaver's tables in a form that can be restored into either " +
        'database, of any version with the same migrations or later ones',
    )
    .option('--only-weaver', 'omit objects of other programs in the same PostgreSQL database')
    .option('--no-check', 'do not check the file')
    .addHelpText(
      'after',
      `${ENVIRONMENT_HELP}\n\nRow-level security hides the rows from the owner, too: back up as ` +
        "a superuser or a role with BYPASSRLS. With --portable the gateway's own login " +
        'can.\n\n' +
        ('Examples:\n  npx weaver db backup weaver.dump\n  npx weaver db backup ' +
          '--portable weaver.rows'),
    )
    .action(async (file: string, options: BackupOptions) =>
      (await import('./backup.js')).backupCommand(readConfig(io.env), io, file, options),
    );

  group
    .command('restore <file>')
    .summary('restore a backup')
    .description(
      'Restores a file of "weaver db backup" completely or not at all, and compares the ' +
        'rows. Stops if the database has rows. On PostgreSQL, objects that the backup does ' +
        'not contain, such as the table of a later migration, are removed; the tables keep ' +
        'their owner. The former files of an embedded database are kept beside it.',
    )
    .option('--yes', 'replace existing rows, and remove what the backup does not contain')
    .option(
      '--only-weaver',
      "restore only Weaver's tables, and leave objects of other programs in the same database",
    )
    .addHelpText('after', `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db restore weaver.dump`)
    .action(async (file: string, options: RestoreCommandOptions) =>
      (await import('./restore.js')).restoreCommand(readConfig(io.env), io, file, options),
    );
}
