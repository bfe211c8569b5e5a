import type { Command } from 'commander';
import { envExample } from '../config.js';
import type { CommandContext } from './command-io.js';

export function addConfigCommands(program: Command, { io }: CommandContext): void {
  const group = program
    .command('config')
    .summary('the environment')
    .description('The environment variables that Weaver reads.');
  group
    .command('example')
    .summary('print .env.example')
    .description(
      'Prints every environment variable with its meaning and default, as in .env.example.',
    )
    .addHelpText('after', '\nExamples:\n  npx weaver config example > .env.example')
    .action(() => io.outLines(envExample().trimEnd()));
}
