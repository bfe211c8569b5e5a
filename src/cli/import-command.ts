import type { Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import { EMBEDDING_TEXTS } from './help-texts.js';
import type { ImportOptions } from './import/import.js';

export function addImportCommand(program: Command, context: CommandContext): void {
  program
    .command('import <folder>')
    .summary('bring the files of a folder in for a bot')
    .description(
      'Uploads the files of a folder and of those in it for a bot, and processes them. A file ' +
        'becomes a document, whose file name is the path in the folder. A file that the bot ' +
        'already has is left as it is; one whose content has changed becomes a new revision of ' +
        'its document. Hidden files and symbolic links are left out. Files that are deleted from ' +
        'the folder are not deleted from Weaver.\n\nThe command may be ended at any moment: the ' +
        'same command continues where it was. Meanwhile it processes other waiting files of the ' +
        'database, too, and other processes may work on its files. The exit code is 1 if a file ' +
        'was refused. The next import tries such files again.',
    )
    .requiredOption('--tenant <tenant>', "the tenant's id, or its exact name")
    .requiredOption('--bot <bot>', "the bot's id, or its exact name")
    .option('--dry-run', 'only say what would be done')
    .option(
      '--watch',
      'go on and import files that are added or changed, until SIGINT or SIGTERM, which end it ' +
        'with the exit code 0',
    )
    .option('--json', 'one JSON object a line for each file, then one with the counts')
    .addHelpText(
      'after',
      `${EMBEDDING_TEXTS}\n\nExamples:\n` +
        '  npx weaver import manuals --tenant "Harbor Outdoor" --bot "Shop" --dry-run\n' +
        '  npx weaver import manuals --tenant "Harbor Outdoor" --bot "Shop"\n' +
        '  npx weaver import manuals --tenant "Harbor Outdoor" --bot "Shop" --watch',
    )
    .action(async (folder: string, options: ImportOptions) => {
      const config = readConfig(context.io.env);
      await (await import('./import/import.js')).importCommand(config, context, folder, options);
    });
}
