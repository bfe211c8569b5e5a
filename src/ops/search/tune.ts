import { StartupError } from '../../base/startup-error.js';
import type { Database } from '../../db/database.js';
import { maintain, type MaintenanceSession } from '../maintenance-session.js';
import { OPERATOR_SCOPE } from '../../db/database-scope.js';
import { searchIndexName } from '../../db/search-index-name.js';
import {
  buildProgress,
  createSearchIndex,
  dropSearchIndex,
  dropUnfinished,
  finishSearchIndex,
  rebuildSearchIndex,
  searchIndexes,
  type BuildProgress,
} from './search-indexes.js';
import { statement } from '../../db/statement.js';
import { keepThreshold, planTuning, type TenantSize, type TuneStep } from './tune-plan.js';

/** Key of the advisory lock of whoever tunes. */
const TUNING_LOCK = 20_261_124;
const PROGRESS_EVERY_MS = 500;

export interface TuneOptions {
  /** Chunks from which a tenant gets an index of its own. */
  readonly minChunks: number;
  /** Only this tenant. */
  readonly tenantId?: string | undefined;
  /** Tell the steps, take none. */
  readonly dryRun: boolean;
  /** Ends the run before the next step, and the one that is being taken. */
  readonly signal?: AbortSignal;
}

/** Who hears what happens. */
export interface TuneListener {
  planned(steps: readonly TuneStep[]): void;
  started(step: TuneStep): void;
  progressed(step: TuneStep, progress: BuildProgress): void;
  done(step: TuneStep, outcome: 'done' | 'undone', ms: number): void;
  failed(step: TuneStep, error: unknown): void;
  /** A step was interrupted; of which of its indexes a part is still there. */
  interrupted(step: TuneStep, left: readonly string[]): void;
}

/**
 * Brings the indexes of large tenants to what they should be, one after another, while the gateway
 * goes on. `gateway` counts, as the operator's role; `owner` builds. It may be interrupted at any
 * time and run again, and only one process does it at a time. Throws a `StartupError` where another
 * is at it. Only for PostgreSQL.
 */
export async function tuneSearch(
  gateway: Database,
  owner: Database,
  options: TuneOptions,
  listener: TuneListener,
): Promise<void> {
  await maintain(
    owner,
    async session => {
      // Tried, never waited for: a session that waits has a snapshot, and the other's build would
      // wait for that one in turn.
      const [lock] = await session.run<{ taken: boolean }>(
        `select pg_try_advisory_lock(${TUNING_LOCK}) as taken`,
      );
      if (!lock!.taken)
        throw new StartupError(
          'Another "weaver search tune" is at work on this database, or one that was ' +
            'interrupted still finishes its build. Run it again later.',
        );
      const steps = await plan(gateway, session, options);
      listener.planned(steps);
      if (options.dryRun) return;
      for (const step of steps) await runStep(step, { gateway, owner, session, options, listener });
    },
    options.signal,
  );
}

async function plan(
  gateway: Database,
  session: MaintenanceSession,
  { minChunks, tenantId }: TuneOptions,
): Promise<TuneStep[]> {
  const sizes = await tenantSizes(gateway, keepThreshold(minChunks), tenantId);
  const indexes = await searchIndexes(session);
  return planTuning(
    sizes,
    tenantId === undefined ? indexes : indexes.filter(index => index.tenantId === tenantId),
    minChunks,
    searchIndexName,
  );
}

// Every code is looked at, but only in the index that holds them.
const SIZES = statement(
  'tuneSizes',
  `select tenant_id as "tenantId", count(embedding_bq)::int as chunks
     from doc_chunks
    where $1::uuid is null or tenant_id = $1::uuid
    group by tenant_id having count(embedding_bq) >= $2::int
    order by 2 desc, 1`,
);

function tenantSizes(
  gateway: Database,
  minChunks: number,
  tenantId?: string,
): Promise<TenantSize[]> {
  return gateway.reads(OPERATOR_SCOPE).query<TenantSize>(SIZES, [tenantId ?? null, minChunks]);
}

interface TuneRun {
  readonly gateway: Database;
  readonly owner: Database;
  readonly session: MaintenanceSession;
  readonly options: TuneOptions;
  readonly listener: TuneListener;
}

/** One step; a failure is told and the next goes on. */
async function runStep(
  step: TuneStep,
  { gateway, owner, session, options, listener }: TuneRun,
): Promise<void> {
  options.signal?.throwIfAborted();
  const startedAt = performance.now();
  listener.started(step);
  const watcher = watchProgress(owner, session.pid, progress =>
    listener.progressed(step, progress),
  );
  try {
    if (step.action === 'drop') await dropSearchIndex(session, step.index);
    else if (step.action === 'finish') await finishSearchIndex(session, step.tenantId);
    else if (step.action === 'rebuild')
      await rebuildSearchIndex(session, step.tenantId, step.chunks);
    else await createSearchIndex(session, step.tenantId, step.chunks);
    // A build takes its time, and waits for writers: the tenant may have gone meanwhile.
    const [size] =
      step.action === 'drop'
        ? [step]
        : await tenantSizes(gateway, keepThreshold(options.minChunks), step.tenantId);
    if (!size) await dropSearchIndex(session, step.index);
    listener.done(step, size ? 'done' : 'undone', performance.now() - startedAt);
  } catch (error) {
    if (options.signal?.aborted) {
      listener.interrupted(step, await dropUnfinished(session, step.tenantId));
      throw error;
    }
    listener.failed(step, error);
  } finally {
    await watcher.stop();
  }
}

/** Asks over another connection how far the session's build is, until told to stop. */
function watchProgress(
  owner: Database,
  pid: number,
  report: (progress: BuildProgress) => void,
): { stop(): Promise<void> } {
  let polling = Promise.resolve();
  const timer = setInterval(() => {
    polling = polling
      .then(() => buildProgress(owner, pid))
      .then(progress => progress && report(progress))
      // Progress is a courtesy: what cannot be told must not stop the work.
      .catch(() => {});
  }, PROGRESS_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return polling;
    },
  };
}
