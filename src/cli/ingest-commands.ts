import { Option, type Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import { USING_DATABASE } from './help-texts.js';
import type { ListIngestionsOptions } from './manage-ingestions.js';
import { wholeNumber } from './whole-number.js';

const STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'];
const MAX_LISTED = 10_000;

export function addIngestCommands(program: Command, { io }: CommandContext): void {
  const group = program
    .command('ingest')
    .summary('files on their way to passages')
    .description('Files that were uploaded and are, or were, made into passages.');
  group
    .command('list')
    .summary('list the files of a tenant, newest first')
    .description(
      'Lists the ingestions of a tenant, newest first: id, state, step, chunks done and in all, ' +
        'attempts, time of creation, code of the error, file name, and the error in words.',
    )
    .requiredOption('--tenant <tenant>', "the tenant's id, or its exact name")
    .addOption(new Option('--state <state>', 'only those in this state').choices(STATES))
    .addOption(
      new Option('--limit <number>', `how many, 1 to ${MAX_LISTED}`)
        .argParser(wholeNumber(1, MAX_LISTED))
        .default(100),
    )
    .option('--json', 'one JSON object a line, for programs')
    .addHelpText(
      'after',
      `${USING_DATABASE}\n\nExamples:\n  npx weaver ingest list --tenant "Harbor Outdoor" ` +
        '--state failed',
    )
    .action(async (options: ListIngestionsOptions) =>
      (await import('./manage-ingestions.js')).listIngestions(readConfig(io.env), io, options),
    );
  group
    .command('retry <ingestion>')
    .summary('begin a failed or cancelled ingestion again')
    .description(
      'Begins an ingestion again that has failed or was cancelled, by its id. A running gateway, ' +
        'or "weaver work", goes on with it.',
    )
    .addHelpText('after', `${USING_DATABASE}\n\nExamples:\n  npx weaver ingest retry 018f…`)
    .action(async (id: string) =>
      (await import('./manage-ingestions.js')).retryCommand(readConfig(io.env), io, id),
    );
  group
    .command('cancel <ingestion>')
    .summary('end an ingestion that waits or runs')
    .description(
      'Ends an ingestion that waits or is being processed, by its id. No chunk of its file ' +
        'appears afterwards.',
    )
    .addHelpText('after', `${USING_DATABASE}\n\nExamples:\n  npx weaver ingest cancel 018f…`)
    .action(async (id: string) =>
      (await import('./manage-ingestions.js')).cancelCommand(readConfig(io.env), io, id),
    );
}
