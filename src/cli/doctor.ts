import type { Config } from '../config.js';
import { examine } from '../ops/doctor/doctor.js';
import { fail } from '../ops/doctor/finding.js';
import type { CommandIo } from './command-io.js';
import { describeDatabase, mustExist, withDatabase } from './open-database.js';
import { addressesProblem } from './check-addresses.js';

/** `weaver db doctor`: one line for each finding; whether nothing fails. */
export async function doctor(config: Config, io: CommandIo): Promise<boolean> {
  mustExist(config.database);
  const findings = await withDatabase(config, 'serve', async database => {
    const problem = await addressesProblem(config.database, database, 'serve');
    return [
      ...(problem
        ? [fail(problem, 'Let both lead to the same database, each with its own login.')]
        : []),
      ...(await examine(database, config)),
    ];
  });
  for (const { level, message, hint } of findings) {
    io.out(`${level.padEnd(6)}${message}`);
    if (hint) io.out(`      → ${hint}`);
  }
  const count = (level: string): number =>
    findings.filter(finding => finding.level === level).length;
  io.say(
    `${describeDatabase(config.database, 'serve')}: ${count('ok')} ok, ${count('warn')} ` +
      `to look at, ${count('fail')} wrong.`,
  );
  return count('fail') === 0;
}
