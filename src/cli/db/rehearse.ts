import type { Config } from '../../config.js';
import { rehearseInMemory, rehearseOnData } from '../../ops/migrations/rehearse.js';
import { ENTITIES } from '../../entities.js';
import { changeText } from '../../ops/migrations/rows-of-owner.js';
import type { CommandIo } from '../command-io.js';
import { untilInterrupted } from '../interruption.js';
import { describeDatabase, mustExist } from '../open-database.js';
import { Progress } from '../progress.js';
import { withMigrationDatabase } from './run-migrations.js';

/** `weaver db rehearse`: what each pending migration would do; whether all went well. */
export async function rehearseCommand(
  config: Config,
  io: CommandIo,
  { onData = false }: { onData?: boolean },
): Promise<boolean> {
  mustExist(config.database);
  const progress = new Progress(io, 'Rehearsing');
  const results = await untilInterrupted('nothing was changed', signal =>
    withMigrationDatabase(
      config,
      database =>
        onData
          ? rehearseOnData(database, signal)
          : rehearseInMemory(
              database,
              ENTITIES,
              doing => progress.update(undefined, doing),
              signal,
            ),
      signal,
    ),
  ).finally(() => progress.end());
  for (const { name, ms, locks, changes = [], problem } of results) {
    io.out(`${problem === undefined ? 'ok    ' : 'failed'}  ${name}  ${Math.round(ms)} ms`);
    if (problem !== undefined) io.out(`        ${problem}`);
    else if (locks === undefined)
      io.out(
        '        outside a transaction: its locks were not seen. "npx weaver db lint" ' +
          'names what blocks.',
      );
    else
      io.out(
        `        ${locks.length === 0 ? 'no lock on what is there' : `locks: ${locks.join(', ')}`}`,
      );
    if (onData) for (const change of changes) io.out(`        ${changeText(change)}`);
  }
  if (results.length === 0) io.out('Nothing to rehearse: no migration is pending.');
  else
    io.say(
      onData
        ? 'Rolled back: nothing was changed.'
        : 'In a copy without rows, in memory: nothing was changed. --on-data tries it on ' +
            'the rows, in a transaction that is rolled back.',
    );
  io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
  return results.every(({ problem }) => problem === undefined);
}
