import { InvalidArgumentError, Option, type Command } from 'commander';
import { readConfig } from '../../config.js';
import type { CommandContext } from '../command-io.js';
import type { AdoptOptions } from './adopt.js';

export function addAdoptCommand(group: Command, { io }: CommandContext): void {
  group
    .command('adopt')
    .summary('adopt the database of an older Weaver')
    .description(
      'Converts a database that Alembic created, at any of its revisions 001 to 007, to ' +
        'the schema of this version with all its rows, in one transaction. Prints the ' +
        'plan, and carries it out with --yes. If the database contains unknown objects, it ' +
        'lists them and changes nothing. The older tables stay under weaver_legacy_* until ' +
        '--finish drops them; until then --undo restores them.',
    )
    .option('--dry-run', 'only print the plan')
    .option('--yes', 'go ahead')
    .option(
      '--set-aside',
      'adopt rows without the vectors that half precision cannot represent; the originals are kept',
    )
    .addOption(
      new Option(
        '--legacy-role <name>',
        "also allow the older application's login to read and write",
      ).argParser(roleName),
    )
    .addOption(
      new Option(
        '--undo',
        'return to the revision that the database came from, unless anything was written since',
      ).conflicts(['finish', 'setAside', 'legacyRole', 'dryRun']),
    )
    .addOption(
      new Option('--finish', 'drop what is kept of the older database').conflicts([
        'undo',
        'setAside',
        'legacyRole',
        'dryRun',
      ]),
    )
    .addHelpText(
      'after',
      `
Environment:
  WEAVER_MIGRATION_URL     the database as the owner of its tables, or as a superuser (DATABASE_URL)

Step by step: docs/adoption.md.

Examples:
  npx weaver db adopt --dry-run
  npx weaver db adopt --yes --legacy-role old_app
  npx weaver db adopt --undo --yes
  npx weaver db adopt --finish --yes`,
    )
    .action(async (options: AdoptOptions) =>
      (await import('./adopt.js')).adoptDatabase(readConfig(io.env), io, options),
    );
}

function roleName(value: string): string {
  if (value === '' || Buffer.byteLength(value) > 63)
    throw new InvalidArgumentError('A login is named by 1 to 63 bytes.');
  return value;
}
