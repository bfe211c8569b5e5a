import 'reflect-metadata';
import { runProcess } from './cli/run-process.js';

// Node ends where nothing is left to wait for, also in the middle of a command, and says nothing
// that an operator understands.
const endEarly = (): void => {
  process.exitCode = 1;
  process.stderr.write(
    'Weaver ended before the command had finished, because it was waiting for something ' +
      'that can no longer happen. Uncommitted changes are rolled back.\n',
  );
};
process.once('beforeExit', endEarly);
// Not awaited here: for an unsettled top-level await Node would add a warning and an exit code of
// its own.
void run();

async function run(): Promise<void> {
  const exitCode = await runProcess(process.argv);
  process.off('beforeExit', endEarly);
  process.exitCode = exitCode;
}
