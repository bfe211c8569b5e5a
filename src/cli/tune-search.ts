import type { Config } from '../config.js';
import { reason } from '../ops/connection-errors.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import type { BuildProgress } from '../ops/search/search-indexes.js';
import { tuneSearch, type TuneListener } from '../ops/search/tune.js';
import type { TuneStep } from '../ops/search/tune-plan.js';
import type { CommandIo } from './command-io.js';
import { untilInterrupted } from './interruption.js';
import { findTenant } from './find-tenant.js';
import { describeDatabase, withDatabase, withReadyDatabase } from './open-database.js';

export interface TuneCommandOptions {
  readonly tenant?: string;
  readonly dryRun?: boolean;
}

/** Where lines are kept, progress is told this seldom. */
const REPORT_INTERVAL_MS = 10_000;
const NOT_ALLOWED = '42501';

/** `weaver search tune`; whether every step was done. */
export async function tuneCommand(
  config: Config,
  io: CommandIo,
  { tenant, dryRun = false }: TuneCommandOptions,
): Promise<boolean> {
  if (config.database.kind === 'embedded') {
    io.out('Nothing to do: the embedded database searches without such indexes.');
    return true;
  }
  const reporter = new TuneReporter(io, dryRun);
  const tune = async (gateway: Database, signal: AbortSignal): Promise<void> => {
    const tenantId = tenant === undefined ? undefined : await idOf(gateway, tenant);
    const options = { minChunks: config.search.indexMinChunks, tenantId, dryRun, signal };
    await withDatabase(config, 'migrate', owner => tuneSearch(gateway, owner, options, reporter));
  };
  await untilInterrupted(
    () => `what is told above as done is kept${reporter.left}. To go on, run it again`,
    signal => withReadyDatabase(config, gateway => tune(gateway, signal), signal),
  );
  io.say(`This is ${describeDatabase(config.database, 'migrate')}.`);
  return !reporter.hasFailed;
}

function idOf(gateway: Database, tenant: string): Promise<string> {
  return gateway.write(
    'namedTenant',
    OPERATOR_SCOPE,
    async em => (await findTenant(em, tenant)).id,
  );
}

const PRESENT_PARTICIPLES = {
  build: 'Building',
  rebuild: 'Rebuilding',
  finish: 'Finishing',
  drop: 'Dropping',
} as const;
const PAST_TENSES = {
  build: 'Built',
  rebuild: 'Rebuilt',
  finish: 'Finished',
  drop: 'Dropped',
} as const;

/**
 * Tells steps and results on standard output, and progress beside them: in a terminal as one line
 * that changes.
 */
class TuneReporter implements TuneListener {
  hasFailed = false;
  /** What an interruption has left, as the end of a sentence. */
  left = '';
  #reportedAt = 0;

  constructor(
    private readonly io: CommandIo,
    private readonly dryRun: boolean,
  ) {}

  planned(steps: readonly TuneStep[]): void {
    if (steps.length === 0) this.io.out('Nothing to do: every large tenant has its index.');
    if (this.dryRun)
      for (const step of steps)
        this.io.out(`Would ${step.action} ${describeStep(step)}: ${step.why}.`);
  }

  started(step: TuneStep): void {
    this.#reportedAt = performance.now();
    this.io.show?.(`${PRESENT_PARTICIPLES[step.action]} ${describeStep(step)} ...`);
  }

  progressed(step: TuneStep, { phase, share }: BuildProgress): void {
    // A terminal cuts what is wider than it is: short, and the percentage before PostgreSQL's
    // words.
    const percent = share === undefined ? '' : `${Math.floor(share * 100)} %, `;
    const line =
      `${PRESENT_PARTICIPLES[step.action]} ` +
      `${step.action === 'drop' ? step.index : step.tenantId}: ` +
      `${percent}${phase.replace(/^building index: /, '')}`;
    if (this.io.show) return this.io.show(line);
    if (performance.now() - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = performance.now();
    this.io.say(line);
  }

  done(step: TuneStep, outcome: 'done' | 'undone', ms: number): void {
    const time = `${(ms / 1_000).toFixed(1)} s`;
    if (outcome === 'done')
      this.io.out(`${PAST_TENSES[step.action]} ${describeStep(step)} in ${time}: ${step.why}.`);
    else
      this.io.out(
        `${PAST_TENSES[step.action]} ${describeStep(step)} in ${time}, and dropped it: ` +
          'the tenant ' +
          'has become small or is gone.',
      );
  }

  interrupted(step: TuneStep, left: readonly string[]): void {
    this.io.show?.('');
    this.left =
      left.length === 0
        ? `, and nothing is left of ${describeStep(step)} that is incomplete`
        : `, and ${left.join(', ')} is left incomplete: no search uses it, and the next ` +
          'run drops it';
  }

  failed(step: TuneStep, error: unknown): void {
    this.hasFailed = true;
    const { code } = error as { code?: string };
    const hint =
      code === NOT_ALLOWED
        ? ' Only the owner of the tables may do this: name it in WEAVER_MIGRATION_URL.'
        : ' The next run completes or removes unfinished work.';
    this.io.say(`Could not ${step.action} ${describeStep(step)}: ${reason(error)}.${hint}`);
  }
}

function describeStep({ tenantId, chunks, index, action }: TuneStep): string {
  return action === 'drop'
    ? `the index ${index}`
    : `the index of tenant ${tenantId} (${chunks} chunks)`;
}
