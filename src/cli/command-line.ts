import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { AppError } from '../base/app-error.js';
import { StartupError, UsageError } from '../base/startup-error.js';
import { ConfigError } from '../config.js';
import { commandFailure } from './command-failure.js';
import { commandIo, processTerminal, type CommandContext, type Terminal } from './command-io.js';
import { addConfigCommands } from './config-commands.js';
import { addDbCommands } from './db-commands.js';
import { addWordsOfGroup } from './db/alembic-commands.js';
import { addDemoCommand } from './demo-command.js';
import { refuseEmptyValues } from './empty-values.js';
import { addHelpCommand } from './help-command.js';
import { addIngestCommands } from './ingest-commands.js';
import { Interrupted } from './interruption.js';
import { addKeyCommands } from './key-commands.js';
import { packageVersion } from './package-folder.js';
import { addSchemaCommands } from './schema-commands.js';
import { addSearchCommands } from './search-commands.js';
import { addServeCommand } from './serve-command.js';
import { addTenantCommands } from './tenant-commands.js';
import { addWorkCommand } from './work-command.js';

const HELP = `
Commands read the environment, and a file .env in the working directory for what the environment
does not set: .env.example names every variable. Without DATABASE_URL they work on the embedded
database in WEAVER_DATA_DIR (.data).

Exit codes: 0 done, 1 could not be done, 2 wrong usage, 130 ended by Ctrl+C, 143 by SIGTERM.

Examples:
  npx weaver serve
  npx weaver db status
  npx weaver tenant create "My company"
  npx weaver key create --tenant "Harbor Outdoor" --name "My app"
  npx weaver db bootstrap --help`;

const SEE_HELP = 'Add --help to see its arguments and options.';

/**
 * Runs one `weaver` command and gives the exit code: 0 done, 1 could not be done, 2 wrong usage,
 * from 129 on ended by a signal.
 */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal = processTerminal(process.env),
): Promise<number> {
  const io = commandIo(terminal);
  const program = new Command('weaver')
    .description('GraphQL gateway for multi-tenant knowledge bots.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help for a command')
    .configureOutput({
      writeOut: text => io.outLines(text.replace(/\n$/, '')),
      writeErr: text => io.sayLines(text.replace(/\n$/, '')),
    })
    .showHelpAfterError(SEE_HELP)
    .exitOverride()
    .addHelpText('after', HELP);
  let exitCode = 0;
  const context: CommandContext = { io, fail: () => void (exitCode = 1) };
  for (const add of [
    addServeCommand,
    addWorkCommand,
    addDbCommands,
    addDemoCommand,
    addTenantCommands,
    addKeyCommands,
    addIngestCommands,
    addSearchCommands,
    addSchemaCommands,
    addConfigCommands,
  ])
    add(program, context);
  addWordsOfGroup(
    program,
    program.commands.find(command => command.name() === 'db')!,
  );
  addHelpCommand(program);
  refuseEmptyValues(program);

  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    // Of an option's value commander tells by itself, of what a command finds in all of them
    // together it does not.
    if (error instanceof InvalidArgumentError) io.sayLines(`error: ${error.message}\n${SEE_HELP}`);
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UsageError) {
      io.say(`error: ${error.message}`);
      io.say(SEE_HELP);
      return 2;
    }
    const reported = error instanceof Interrupted ? error : commandFailure(error);
    if (reported instanceof ConfigError) io.sayLines(reported.message);
    else if (reported instanceof StartupError || reported instanceof AppError)
      io.say(reported.message);
    // Not the error itself: those of the database hold the statement with its values.
    else io.sayLines(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return reported instanceof Interrupted ? reported.exitCode : 1;
  }
}
