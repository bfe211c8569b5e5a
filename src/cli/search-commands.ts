import { InvalidArgumentError, Option, type Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import { EMBEDDING_TEXTS } from './help-texts.js';
import type { EvaluateCommandOptions } from './evaluate-search.js';
import type { RecallCommandOptions } from './recall-search.js';
import type { RebuildCommandOptions, RebuildPosition } from './rebuild.js';
import type { ReembedCommandOptions, ReembedPosition } from './reembed.js';
import type { TuneCommandOptions } from './tune-search.js';
import { wholeNumber } from './whole-number.js';

const MAX_SAMPLES = 10_000;
const MAX_TOP_K = 100;
const MAX_WORST = 1_000;

export function addSearchCommands(program: Command, { io, fail }: CommandContext): void {
  const group = program
    .command('search')
    .summary('the search: indexes of large tenants, recall, vectors')
    .description(
      'Keeps the search of large tenants fast, measures what searches find, and embeds ' +
        'chunks again.',
    );

  group
    .command('tune')
    .summary('build, rebuild and drop the indexes of large tenants')
    .description(
      'Gives each tenant with many chunks an index of its own, rebuilds indexes that have ' +
        'grown beyond their content, and drops those that are no longer needed. The gateway ' +
        'keeps running, with reads and writes. Run it regularly, such as every night, and ' +
        'after large imports. Ctrl+C stops the current build, and the next run continues. ' +
        'Exits with 1 if a step fails or another run is in progress.',
    )
    .option('--tenant <tenant>', 'only this tenant, by its id or exact name')
    .option('--dry-run', 'only print what would be done')
    .addHelpText(
      'after',
      `
Environment:
  DATABASE_URL               the database as the gateway's login, which counts chunks
  WEAVER_MIGRATION_URL       the same database as the owner of its tables, who builds (DATABASE_URL)
  WEAVER_SEARCH_INDEX_FROM   chunks from which a tenant gets an index (50000)

Examples:
  npx weaver search tune --dry-run
  npx weaver search tune`,
    )
    .action(async (options: TuneCommandOptions) => {
      if (!(await (await import('./tune-search.js')).tuneCommand(readConfig(io.env), io, options)))
        fail();
    });

  group
    .command('recall')
    .summary('measure how much of the nearest vectors the searches of a tenant find')
    .description(
      "Takes the tenant's latest logged queries, or vectors of its own chunks if none is " +
        'logged, and compares what each path finds with an exact scan. Queries that were ' +
        'logged without a vector are embedded with EMBEDDING_PROVIDER. Prints the recall ' +
        'of each path alone and of searches as they are served, how many answers the check ' +
        'rejects, and how many of the chunks nearest by code contain 99 % of the truly ' +
        'nearest. This measures the index, not the answers: whether the nearest chunks answer ' +
        'the question is measured by "weaver search evaluate". Changes nothing.',
    )
    .addOption(
      new Option(
        '--tenant <tenant...>',
        'by id or exact name, required; several may be given',
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option('--samples <number>', `vectors to compare by, 1 to ${MAX_SAMPLES}`)
        .argParser(wholeNumber(1, MAX_SAMPLES))
        .default(100),
    )
    .addOption(
      new Option('--top-k <number>', `how many of the nearest count, 1 to ${MAX_TOP_K}`)
        .argParser(wholeNumber(1, MAX_TOP_K))
        .default(10),
    )
    .option('--json', 'as one JSON array')
    .addHelpText(
      'after',
      `${EMBEDDING_TEXTS}\n\nExamples:\n  npx weaver search recall --tenant "Harbor ` +
        'Outdoor"\n  npx weaver search recall --tenant 018f… --samples 500 --json',
    )
    .action(async (options: RecallCommandOptions) =>
      (await import('./recall-search.js')).recallCommand(readConfig(io.env), io, options),
    );

  group
    .command('evaluate')
    .summary('measure how often the right passage is among the first hits')
    .description(
      'Asks the questions of a file in the modes VECTOR, KEYWORD and HYBRID, and prints how ' +
        'often a right chunk is the first hit, among the first 3 and among the first 10, and the ' +
        'mean reciprocal rank (MRR). Then the worst questions in the mode HYBRID, with the hits ' +
        'above the right one and what their scores are made of. Changes nothing.',
    )
    .argument('<file>', 'the questions as JSON')
    .requiredOption('--tenant <tenant>', 'by id or exact name, required')
    .option('--bot <bot>', 'only chunks of this bot, by id or exact name')
    .addOption(
      new Option('--worst <number>', `questions to explain, 1 to ${MAX_WORST}`)
        .argParser(wholeNumber(1, MAX_WORST))
        .default(5),
    )
    .option('--json', 'as one JSON object, with every question')
    .addHelpText(
      'after',
      `${EMBEDDING_TEXTS}

The file is an array of objects:
  [
    { "question": "How long do refunds take?", "documents": ["returns-and-refunds.md"] },
    { "question": "Do you repair tents?", "chunks": ["018f…", "018f…"] }
  ]
"documents" are file names or ids, "chunks" are ids. Any of them is right.

Examples:
  npx weaver search evaluate questions.json --tenant "Harbor Outdoor"
  npx weaver search evaluate questions.json --tenant 018f… --bot "Customer help" --json`,
    )
    .action(async (file: string, options: EvaluateCommandOptions) =>
      (await import('./evaluate-search.js')).evaluateCommand(readConfig(io.env), io, file, options),
    );

  group
    .command('reembed')
    .summary('embed stored chunks again, after the embedding model changed')
    .description(
      'Embeds the texts of stored chunks with the configured embedder ' +
        '(EMBEDDING_PROVIDER) and replaces the old vectors, including those that were ' +
        'supplied. The gateway keeps running; until the command is done, searches by text ' +
        'compare vectors of two models. If the service is down, the command waits at most ' +
        'ten minutes. Ctrl+C and SIGTERM end it after the current batch, and it prints the ' +
        '--after option with which to continue.',
    )
    .addOption(
      new Option('--tenant <tenant...>', 'by id or exact name; several may be given').conflicts(
        'all',
      ),
    )
    .option('--all', 'all tenants')
    .option('--missing', 'only chunks that have no vector, instead of those that have one')
    .addOption(
      new Option(
        '--after <place>',
        'continue where an earlier run stopped: the ids of a tenant and of its last finished chunk',
      ).argParser(reembedPosition),
    )
    .option('--skip', 'leave chunks that the service cannot embed without a vector, and name them')
    .option('--dry-run', 'only print how many chunks and characters it would embed')
    .addHelpText(
      'after',
      `${EMBEDDING_TEXTS}\n\nExamples:\n  npx weaver search reembed --all --dry-run\n ` +
        ' npx weaver search reembed --tenant "Harbor Outdoor"\n  npx weaver search reembed ' +
        '--all --after 018f…/018f…',
    )
    .action(async (options: ReembedCommandOptions, command: Command) => {
      if (!options.all && !options.tenant)
        command.error("error: give '--tenant <tenant...>' or '--all'", { exitCode: 2 });
      await (await import('./reembed.js')).reembedCommand(readConfig(io.env), io, options);
    });

  group
    .command('rebuild')
    .summary('split stored texts again, after the way of splitting or its size changed')
    .description(
      'Splits the stored texts of documents as new texts are split (WEAVER_CHUNK_SIZE), and ' +
        'replaces the chunks of a document where that gives others, one document after the ' +
        'other. Only chunks whose text, headings or file name changed are embedded. New chunks ' +
        'have new ids. Documents without a stored text keep their chunks: those of files whose ' +
        'chunks another program added, and of texts from before Weaver kept them. The gateway ' +
        'keeps running. Ctrl+C and SIGTERM end the command after the current document, and it ' +
        'prints the --after option with which to continue; done documents are not split again.',
    )
    .addOption(
      new Option('--tenant <tenant...>', 'by id or exact name; several may be given').conflicts(
        'all',
      ),
    )
    .option('--all', 'all tenants')
    .addOption(
      new Option(
        '--after <place>',
        'continue where an earlier run stopped: the ids of a tenant and of its last finished ' +
          'document',
      ).argParser(rebuildPosition),
    )
    .option('--dry-run', 'only print how many documents and chunks it would change')
    .addHelpText(
      'after',
      `${EMBEDDING_TEXTS}\n\nExamples:\n  npx weaver search rebuild --all --dry-run\n ` +
        ' npx weaver search rebuild --tenant "Harbor Outdoor"',
    )
    .action(async (options: RebuildCommandOptions, command: Command) => {
      if (!options.all && !options.tenant)
        command.error("error: give '--tenant <tenant...>' or '--all'", { exitCode: 2 });
      await (await import('./rebuild.js')).rebuildCommand(readConfig(io.env), io, options);
    });
}

const POSITION =
  /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function reembedPosition(value: string): ReembedPosition {
  const [tenantId, chunkId] = parsePosition(value);
  return { tenantId, chunkId };
}

function rebuildPosition(value: string): RebuildPosition {
  const [tenantId, documentId] = parsePosition(value);
  return { tenantId, documentId };
}

function parsePosition(value: string): [tenantId: string, id: string] {
  const [, tenantId, id] = POSITION.exec(value.toLowerCase()) ?? [];
  if (!tenantId || !id)
    throw new InvalidArgumentError(
      'Give the value that the earlier run printed: two ids separated by a slash.',
    );
  return [tenantId, id];
}
