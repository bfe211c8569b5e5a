import { StartupError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import { adopt, previewAdoption } from '../../ops/adoption/adopt.js';
import { addLegacyRole } from '../../ops/adoption/legacy-role.js';
import type { AdoptionPlan, LegacyDatabase } from '../../ops/adoption/plan.js';
import type { Recognised } from '../../ops/adoption/recognise.js';
import type { TableDifference } from '../../ops/adoption/row-digests.js';
import {
  finishAdoption,
  findAdoption,
  undoAdoption,
  type Adoption,
} from '../../ops/adoption/undo.js';
import type { Database } from '../../db/database.js';
import { untilInterrupted } from '../interruption.js';
import { describeDatabase, withDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import type { CommandIo } from '../command-io.js';
import { planLines } from './adoption-plan-lines.js';
import { pluralize, formatMegabytes } from './format-counts.js';

export interface AdoptOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly setAside?: boolean;
  readonly legacyRole?: string;
  readonly undo?: boolean;
  readonly finish?: boolean;
}

const CONFIRMATION_HINT = 'Nothing was changed. Add --yes to go ahead.';

/** `weaver db adopt`. */
export async function adoptDatabase(
  config: Config,
  io: CommandIo,
  options: AdoptOptions,
): Promise<void> {
  if (config.database.kind === 'embedded') {
    throw new StartupError(
      'The embedded database cannot come from an older Weaver: there is nothing to ' +
        'adopt. Name the PostgreSQL of the older Weaver in DATABASE_URL.',
    );
  }
  io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
  const work = (database: Database): Promise<void> => {
    if (options.undo) return undoCommand(database, io, options);
    if (options.finish) return finishCommand(database, io, options);
    return runAdoption(database, io, options);
  };
  await untilInterrupted('nothing was changed', signal =>
    withDatabase(config, 'migrate', work, signal),
  );
}

async function runAdoption(
  database: Database,
  io: CommandIo,
  options: AdoptOptions,
): Promise<void> {
  const { legacyRole, setAside = false } = options;
  const report = (plan: AdoptionPlan, legacy: LegacyDatabase): void => {
    for (const line of planLines(plan, legacy, { legacyRole, setAside })) io.out(line);
  };
  if (options.dryRun || !options.yes) {
    const { recognised, plan } = await previewAdoption(database);
    if (recognised.kind !== 'legacy') return reportNotLegacy(database, recognised, io, options);
    report(plan!, recognised);
    if (options.dryRun) return io.say('This was a dry run: nothing was changed.');
    throw new StartupError(CONFIRMATION_HINT);
  }
  const started = Date.now();
  const progress = new Progress(io, 'Adopting');
  const recognised = await adopt(database, {
    setAside,
    legacyRole,
    plan(plan, legacy) {
      // Away with the live line, which the plan would run into.
      progress.end();
      report(plan, legacy);
    },
    progress(doing, done, total) {
      // A log keeps each step, so that it tells afterwards how long each took.
      if (done === undefined && !io.show) io.say(`${doing} …`);
      else
        progress.update(
          undefined,
          done === undefined || !total
            ? doing
            : `${doing}: ${done} of ${total} (${Math.floor((100 * done) / total)} %)`,
        );
    },
  }).finally(() => progress.end());
  if (recognised.kind !== 'legacy') return reportNotLegacy(database, recognised, io, options);
  io.out(
    `Adopted revision ${recognised.revision} in ` +
      `${((Date.now() - started) / 1000).toFixed(1)} s. Every row arrived; the older ` +
      'tables are kept as weaver_legacy_*.',
  );
  io.say(
    'Next: try it, then "npx weaver db adopt --finish" to drop what is kept, or "npx ' +
      'weaver db adopt --undo" to go back (docs/adoption.md).',
  );
}

/** What there is to say, or to do, where the database is not an older Weaver's. */
async function reportNotLegacy(
  database: Database,
  recognised: Recognised,
  io: CommandIo,
  { legacyRole, dryRun, yes }: AdoptOptions,
): Promise<void> {
  if (recognised.kind === 'unknown') {
    io.say('This database is not as an older Weaver left it. Unknown to adoption:');
    for (const problem of recognised.problems) io.say(`  ${problem}`);
    throw new StartupError(
      'Nothing was changed. Drop or move the objects above (or restore missing ones), ' +
        'then adopt again.',
    );
  }
  if (recognised.kind === 'empty')
    throw new StartupError(
      'There is nothing to adopt: this database contains no tables of Weaver. Check ' +
        'DATABASE_URL, or run "npx weaver db up" to create them.',
    );
  if (recognised.kind === 'adopted') {
    const { revision, adoptedAt } = (await findAdoption(database))!;
    io.out(
      `This database was adopted from revision ${revision} at ${adoptedAt} UTC: nothing to do.`,
    );
  } else {
    io.out('This database is one of this Weaver already: nothing to adopt.');
  }
  if (legacyRole === undefined || dryRun) return;
  if (!yes)
    throw new StartupError(
      `${CONFIRMATION_HINT} The login ${legacyRole} would then read and write every tenant's rows.`,
    );
  await addLegacyRole(database, legacyRole);
  io.out(
    `The login ${legacyRole} may go on reading and writing every tenant's rows (policy ` +
      'legacy_application).',
  );
}

async function undoCommand(
  database: Database,
  io: CommandIo,
  { yes }: AdoptOptions,
): Promise<void> {
  const adoption = await findAdoption(database);
  if (!adoption) return io.out('Nothing to do: there is no adoption to undo.');
  io.say(
    `Going back to revision ${adoption.revision}, as it was at ${adoption.adoptedAt} ` +
      'UTC: the tables of this Weaver go, the older ones get their names back.',
  );
  if (!yes) throw new StartupError(CONFIRMATION_HINT);
  await undoAdoption(database, found => refuseDataLoss(found, io));
  io.out(`Undone: the database is at revision ${adoption.revision} again, as it was.`);
}

function refuseDataLoss(found: readonly TableDifference[], io: CommandIo): void {
  if (found.length === 0) return;
  for (const { table, added, changed, removed, samples } of found) {
    const what =
      samples.length === 0
        ? 'written to since'
        : `${pluralize(added, 'row')} added, ${changed} changed, ${removed} removed since ` +
          `(${samples.join(', ')})`;
    io.say(`  ${table}: ${what}`);
  }
  throw new StartupError(
    'Nothing was changed: going back would lose what was written since the adoption, named above.',
  );
}

async function finishCommand(
  database: Database,
  io: CommandIo,
  { yes }: AdoptOptions,
): Promise<void> {
  const adoption = await findAdoption(database);
  if (!adoption) return io.out('Nothing to do: no tables of an older database are left.');
  for (const line of legacyTableLines(adoption)) io.say(line);
  if (!yes)
    throw new StartupError(
      `${CONFIRMATION_HINT} The original vectors and values will be lost, and --undo ` +
        'will no longer work.',
    );
  await finishAdoption(database);
  io.out(`Finished: the tables of revision ${adoption.revision} are dropped.`);
}

function legacyTableLines({ revision, adoptedAt, legacyTables }: Adoption): string[] {
  return [
    `Kept since the adoption from revision ${revision} at ${adoptedAt} UTC:`,
    ...legacyTables.map(
      ({ table, rows, bytes }) =>
        `  ${table.padEnd(30)}${pluralize(rows, 'row')}, ${formatMegabytes(bytes)}`,
    ),
  ];
}
