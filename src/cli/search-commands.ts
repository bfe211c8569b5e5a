import type { Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import type { TuneCommandOptions } from './tune-search.js';

export function addSearchCommands(program: Command, { io, fail }: CommandContext): void {
  const group = program.command('search').summary('the search: indexes of large tenants').description('Keeps the search of large tenants fast.');

  group
    .command('tune')
    .summary('build, renew and drop the indexes of large tenants')
    .description(
      'Gives each tenant with many chunks an index of its own, rebuilds those that have grown beyond their content, and drops those that ' +
        'are no longer needed. The gateway goes on meanwhile, reads and writes included. It may be interrupted at any time and run ' +
        'again, and is best run regularly, such as every night, and after large imports. Exits with 1 when a step fails or another process is at it.',
    )
    .option('--tenant <tenant>', "only this tenant, by its id or its exact name")
    .option('--dry-run', 'only tell what would be done')
    .addHelpText(
      'after',
      `
Environment:
  DATABASE_URL               the database as the gateway's login, which counts chunks
  WEAVER_MIGRATION_URL       the same database as the owner of its tables, who builds (DATABASE_URL)
  WEAVER_SEARCH_INDEX_FROM   chunks from which a tenant gets an index (10000)

Examples:
  npx weaver search tune --dry-run
  npx weaver search tune`,
    )
    .action(async (options: TuneCommandOptions) => {
      if (!(await (await import('./tune-search.js')).tuneCommand(readConfig(io.env), io, options))) fail();
    });
}
