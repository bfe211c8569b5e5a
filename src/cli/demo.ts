import { setImmediate as nextTurn } from 'node:timers/promises';
import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { seedDemo } from '../demo/seed-demo.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import type { CommandIo } from './command-io.js';
import { storeDemoKey } from './demo-key.js';
import { untilInterrupted } from './interruption.js';
import { describeDatabase, withReadyDatabase } from './open-database.js';

/**
 * Adds the demo tenants that are missing and writes a key to look at them, and nothing else, to
 * standard output.
 */
export async function addDemo(
  config: Config,
  io: CommandIo,
  { yes }: { yes: boolean },
): Promise<void> {
  if (config.production && !yes) {
    throw new StartupError(
      'This is production (NODE_ENV), and the demo data would stand beside real tenants ' +
        `in ${describeDatabase(config.database, 'serve')}. Add --yes to go ahead.`,
    );
  }
  const { apiKey, tenantName } = await untilInterrupted(
    'the demo tenants that are named above are kept, each with all that belongs to it. ' +
      'To add the others, run it again',
    signal =>
      withReadyDatabase(config, database => fillWithDemo(database, config, io, signal), signal),
  );
  io.say(`A key for ${tenantName}. It is shown only once:`);
  io.out(apiKey);
}

/**
 * Adds the demo tenants that are missing, and keeps the key beside an embedded database, for the
 * Playground.
 */
export async function fillWithDemo(
  database: Database,
  config: Config,
  io: CommandIo,
  signal?: AbortSignal,
): Promise<{ apiKey: string; tenantName: string }> {
  io.say('Adding the demo data ...');
  const summary = await seedDemo(database, createEmbedder(config.embedder), async line => {
    io.say(`  ${line}`);
    // The embedded database gives Node no turn of its own in which it would hear of a signal, and
    // one that came in this turn is heard of in the next.
    await nextTurn();
    await nextTurn();
    signal?.throwIfAborted();
  });
  if (config.database.kind === 'embedded') storeDemoKey(config.database.dataDir, summary.apiKey);
  return summary;
}
