import { StartupError } from '../base/startup-error.js';
import { runCommandLine } from './command-line.js';
import { loadEnvFile } from './env-file.js';

/**
 * The command line as a process of its own: with the file `.env`, and one sentence where that
 * cannot be read.
 */
export async function runProcess(argv: readonly string[]): Promise<number> {
  try {
    loadEnvFile();
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  return runCommandLine(argv);
}
