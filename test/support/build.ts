import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds what has changed, once for the run: tests of commands start them as processes. */
export default function build(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '../../bin/build.js')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
