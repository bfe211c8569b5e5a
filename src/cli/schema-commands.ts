import { Option, type Command } from 'commander';
import type { CommandContext } from './command-io.js';

export function addSchemaCommands(program: Command, { io, fail }: CommandContext): void {
  const group = program
    .command('schema')
    .summary('the GraphQL schema')
    .description('The GraphQL schema that the gateway serves.');
  group
    .command('print')
    .summary('print the schema')
    .description('Prints the schema in SDL, sorted, as in schema.graphql. Needs no database.')
    .addOption(
      new Option(
        '--check <file>',
        'print nothing, and exit with 1 if the file differs from the schema',
      ),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  npx weaver schema print > schema.graphql\n  npx weaver schema ' +
        'print --check schema.graphql',
    )
    .action(async ({ check }: { check?: string }) => {
      const { checkSchemaFile, schemaText } = await import('./print-schema.js');
      if (check === undefined) return io.outLines(schemaText().trimEnd());
      const problem = checkSchemaFile(check);
      if (problem === undefined) return io.say(`${check} is what the code makes.`);
      io.say(problem);
      fail();
    });
}
