import { Command, CommanderError } from 'commander';
import { StartupError } from '../base/startup-error.js';
import { ConfigError, readConfig } from '../config.js';
import { serve } from './serve.js';

/** Runs one `weaver` command and gives the exit code: 0 done, 1 could not be done, 2 wrong usage. */
export async function runCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const program = new Command('weaver').description('GraphQL gateway for multi-tenant knowledge bots.').exitOverride();

  program
    .command('serve')
    .description('Start the gateway: on the embedded database with demo data, or on DATABASE_URL.')
    .action(() => serve(readConfig(env), print));

  try {
    await program.parseAsync(argv);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof ConfigError || error instanceof StartupError) {
      process.stderr.write(`${error.message}\n`);
      return 1;
    }
    // Not the error itself: those of the database hold the statement with its values.
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
}
