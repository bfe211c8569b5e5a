import type { Config } from '../config.js';
import { examine } from '../db/doctor.js';
import type { CommandIo } from './command-io.js';
import { describeDatabase, mustExist, withDatabase } from './open-database.js';

/** `weaver db doctor`: one line for each finding; whether nothing fails. */
export async function doctor(config: Config, io: CommandIo): Promise<boolean> {
  mustExist(config.database);
  const findings = await withDatabase(config, 'serve', database => examine(database, config));
  for (const { level, message, mend } of findings) {
    io.out(`${level.padEnd(6)}${message}`);
    if (mend) io.out(`      → ${mend}`);
  }
  const count = (level: string): number => findings.filter(finding => finding.level === level).length;
  io.say(`${describeDatabase(config.database, 'serve')}: ${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} wrong.`);
  return count('fail') === 0;
}
