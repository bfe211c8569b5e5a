import { StartupError } from '../../base/startup-error.js';
import { lintMigrations } from '../../ops/migrations/lint.js';
import { oneName } from '../../ops/migrations/names.js';
import { isHead, refuseSteps } from '../../ops/migrations/targets.js';
import { knownMigrations } from '../../ops/migrations/state.js';
import type { CommandIo } from '../command-io.js';

/**
 * `weaver db lint`: one line for each unsafe operation; whether there is none that is not allowed.
 */
export async function lintCommand(io: CommandIo, input: readonly string[]): Promise<boolean> {
  const known = knownMigrations();
  const names = input.length === 0 ? known : input.map(name => findMigration(known, name));
  const findings = await lintMigrations(names);
  for (const { migration, rule, statement, line, message, allowed } of findings) {
    const where = [statement && `statement ${statement}`, line && `line ${line}`]
      .filter(part => part)
      .join(', ');
    io.out(`${allowed ? 'allowed' : 'unsafe '}  ${migration}${where ? `, ${where}` : ''}: ${rule}`);
    io.out(`         ${allowed ?? message}`);
  }
  const unsafe = findings.filter(({ allowed }) => allowed === undefined);
  const count = `${names.length} migration${names.length === 1 ? '' : 's'}`;
  if (unsafe.length === 0) io.out(`Nothing unsafe in ${count}.`);
  else
    io.say(
      `${unsafe.length} unsafe in ${count}. To accept a statement, say so inside it: -- ` +
        'lint: allow <rule>: <reason>',
    );
  return unsafe.length === 0;
}

function findMigration(known: readonly string[], input: string): string {
  refuseSteps(input);
  const found = oneName(
    known,
    isHead(input) ? (known.at(-1) ?? '') : input,
    'There is no migration',
  );
  if ('problem' in found) throw new StartupError(found.problem);
  return found.name;
}
