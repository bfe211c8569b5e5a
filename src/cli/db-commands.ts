import { InvalidArgumentError, Option, type Command } from 'commander';
import { readConfig } from '../config.js';
import { loginNameProblem } from '../ops/bootstrap/bootstrap.js';
import type { CommandContext } from './command-io.js';
import { addCareCommands } from './db/care-commands.js';
import { addAdoptCommand } from './db/adopt-command.js';
import { addMigrationCommands } from './db/migration-commands.js';
import { addAlembicCommands } from './db/alembic-commands.js';
import { addRevisionCommands } from './db/revision-commands.js';
import type { BootstrapOptions } from './prepare-database.js';

export function addDbCommands(program: Command, context: CommandContext): void {
  const { io, fail } = context;
  const group = program
    .command('db')
    .summary('the database')
    .description('Prepares, migrates and examines the configured database.');

  group.commandsGroup('Migrate:');
  addMigrationCommands(group, context);
  group.commandsGroup('See where it is:');
  addRevisionCommands(group, context);
  group.commandsGroup('Before and after:');
  addCareCommands(group, context);
  group.commandsGroup('Set up and take over:');
  addAdoptCommand(group, context);
  addAlembicCommands(group);

  group
    .command('bootstrap')
    .summary("prepare a PostgreSQL database: extensions, roles, the gateway's login")
    .description(
      'Creates what only a superuser can create: the extensions vector and btree_gin, ' +
        "the roles weaver_tenant and weaver_operator, and the gateway's login, which owns " +
        'nothing and sees nothing without taking a role. You can safely run it again.',
    )
    .addOption(
      new Option(
        '--login <name>',
        "the gateway's login (the user of DATABASE_URL, where WEAVER_MIGRATION_URL names another)",
      ).argParser(loginName),
    )
    .addOption(
      new Option(
        '--owner <name>',
        'also create a login that runs migrations and owns the tables',
      ).argParser(loginName),
    )
    .option(
      '--password-stdin',
      "read the gateway's password from standard input, to set or change it",
    )
    .addOption(
      new Option('--sql', 'only print the SQL, so that a superuser can run it').conflicts(
        'passwordStdin',
      ),
    )
    .addHelpText(
      'after',
      `
Environment:
  WEAVER_MIGRATION_URL     the database as a superuser (DATABASE_URL)

A new login's password is the one in DATABASE_URL where that names the login, or comes from
standard input, or is made and printed once, in DATABASE_URL and WEAVER_MIGRATION_URL ready to be
pasted. An existing login keeps its password unless standard input gives one.

Examples:
  WEAVER_MIGRATION_URL=postgresql://postgres@db/weaver \\
    DATABASE_URL=postgresql://weaver_gateway:secret@db/weaver npx weaver db bootstrap
  DATABASE_URL=postgresql://postgres@db/weaver \\
    npx weaver db bootstrap --login weaver_gateway --owner weaver_owner
  npx weaver db bootstrap --login weaver_gateway --sql > bootstrap.sql`,
    )
    .action(async (options: BootstrapOptions) =>
      (await import('./prepare-database.js')).prepareDatabase(readConfig(io.env), io, options),
    );

  group
    .command('doctor')
    .summary('check the database and its settings')
    .description(
      'Checks versions, extensions, roles, the login, row-level security and its ' +
        'policies, migrations, and the separation of tenants, and says how to fix each ' +
        'problem. Changes nothing. Exits with 1 if anything fails.',
    )
    .addHelpText(
      'after',
      `
Environment:
  DATABASE_URL             the database, as the gateway's own login
  NODE_ENV=production      what the gateway would refuse in production fails

Examples:
  npx weaver db doctor`,
    )
    .action(async () => {
      if (!(await (await import('./doctor.js')).doctor(readConfig(io.env), io))) fail();
    });
}

function loginName(value: string): string {
  const problem = loginNameProblem(value);
  if (problem) throw new InvalidArgumentError(problem);
  return value;
}
