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
      'Names what can hurt a database with rows and users: locks that block writes, ' +
        'tables that are written anew, missing "down", lost columns. Looks at all ' +
        ('migrations where none is named. What is all right says so in its statement: -- ' +
          'lint: allow <rule>: <reason>. Needs no database. Exits with 1 when anything is ' +
          'unsafe.'),
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
      'Applies the pending migrations to a copy of the catalogue in memory, without ' +
        'rows, and tells the time, the locks and the result of each. Exits with 1 when one ' +
        'fails.',
    )
    .option(
      '--on-data',
      'in the database itself, in a transaction that is rolled back: real times, and ' +
        'real locks until the end',
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
    .summary('write a backup and check that it opens')
    .description(
      'Writes the database into a file (pg_dump in custom format; the embedded one as an ' +
        'archive), opens the copy, compares its rows, and then gives it its name. ' +
        ('The file holds every row of every tenant: only its owner may read it, so keep ' +
          'it accordingly.'),
    )
    .option(
      '--portable',
      "write the rows of Weaver's tables so that either database can take them, of any " +
        'version with the same migrations or later ones',
    )
    .option('--only-weaver', 'leave out what others keep in the same PostgreSQL database')
    .option('--no-check', 'do not try the file')
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
      'Restores a file of "weaver db backup", all or nothing, and compares the rows. ' +
        'Stops where the database has rows. On PostgreSQL what the backup does not have, ' +
        ('such as the table of a later migration, is removed; the tables belong to who ' +
          'owned them. The former files of an embedded database are kept beside it.'),
    )
    .option('--yes', 'replace the rows that are there, and remove what the backup does not have')
    .option(
      '--only-weaver',
      "restore Weaver's own tables alone, and leave what others keep in the same database",
    )
    .addHelpText('after', `${ENVIRONMENT_HELP}\n\nExamples:\n  npx weaver db restore weaver.dump`)
    .action(async (file: string, options: RestoreCommandOptions) =>
      (await import('./restore.js')).restoreCommand(readConfig(io.env), io, file, options),
    );
}
