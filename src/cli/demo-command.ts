import type { Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import { USING_DATABASE } from './help-texts.js';

export function addDemoCommand(program: Command, { io }: CommandContext): void {
  program
    .command('demo')
    .summary('add the demo data')
    .description(
      'Adds missing demo tenants, with their bots, documents and chunks, to the ' +
        'configured database, and creates a key for them. Prints only that key on standard ' +
        'output; it is shown once.',
    )
    .option('--yes', 'go ahead although NODE_ENV is production')
    .addHelpText(
      'after',
      `${USING_DATABASE}\n\nExamples:\n  npx weaver demo\n ` +
        ' DATABASE_URL=postgresql://postgres@localhost/weaver npx weaver demo',
    )
    .action(async ({ yes = false }: { yes?: boolean }) => {
      const config = readConfig(io.env);
      await (await import('./demo.js')).addDemo(config, io, { yes });
    });
}
