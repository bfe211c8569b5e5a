import type { Logger } from 'pino';
import { Counter } from 'prom-client';
import type { Database } from '../db/database.js';
import { tenantScope } from '../db/database-scope.js';
import type { Metrics } from '../observability/metrics.js';
import type { Nearest } from './nearest.js';
import { EXACT_PATH } from './paths/exact-path.js';
import { SearchPath } from './search.types.js';
import { searchVectors } from './vector-search.js';

/** Searches that wait to be compared, at most; others are not sampled meanwhile. */
const MAX_WAITING = 50;

/** A page of a search by vector, as it was answered. */
export interface AnsweredSearch {
  readonly nearest: Nearest;
  readonly path: SearchPath;
  readonly ids: readonly string[];
}

/**
 * Compares a share of live searches with an exact scan, one at a time and after they are answered,
 * in scopes of its own. What was written between the two counts as missed, so a tenant that is
 * being filled looks a little worse than it is.
 */
export class RecallSampler {
  readonly #waiting: AnsweredSearch[] = [];
  readonly #hits: Counter<'path' | 'outcome'>;
  readonly #searches: Counter<'path' | 'outcome'>;
  #worker: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly share: number,
    private readonly log: Logger,
    metrics: Metrics,
  ) {
    this.#hits = new Counter({
      name: 'weaver_search_recall_hits_total',
      help:
        'The true nearest chunks of sampled searches, by whether they were found. Recall ' +
        'is found / (found + missed).',
      labelNames: ['path', 'outcome'],
      registers: [metrics],
    });
    this.#searches = new Counter({
      name: 'weaver_search_recall_samples_total',
      help:
        'Searches chosen for a comparison with an exact scan: compared, skipped since too ' +
        'many were waiting, or failed.',
      labelNames: ['path', 'outcome'],
      registers: [metrics],
    });
  }

  /** Takes its share of what it is offered. Returns at once. */
  offer(search: AnsweredSearch): void {
    // An exact answer has nothing to miss.
    if (search.path === SearchPath.EXACT || Math.random() >= this.share) return;
    if (this.#waiting.length >= MAX_WAITING)
      return this.#searches.inc({ path: search.path, outcome: 'skipped' });
    this.#waiting.push(search);
    this.#worker ??= this.#work().finally(() => (this.#worker = undefined));
  }

  /** Forgets what waits, and waits for the comparison that runs. */
  async close(): Promise<void> {
    this.#waiting.length = 0;
    await this.#worker;
  }

  async #work(): Promise<void> {
    // In a later turn: first the answer goes out.
    await new Promise(resolve => setImmediate(resolve));
    for (let search = this.#waiting.shift(); search; search = this.#waiting.shift()) {
      const { path } = search;
      try {
        await this.#compare(search);
        this.#searches.inc({ path, outcome: 'compared' });
      } catch (error) {
        this.#searches.inc({ path, outcome: 'failed' });
        this.log.warn({ err: error }, 'A sampled search could not be compared');
      }
    }
  }

  async #compare({ nearest, path, ids }: AnsweredSearch): Promise<void> {
    const reads = this.database.reads(tenantScope(nearest.filter.tenantId));
    const { hits } = await searchVectors(reads, [EXACT_PATH], nearest, {
      columns: 't.id',
      highlight: false,
      contextHighlight: false,
      withCount: false,
    });
    const found = new Set(ids);
    const missed = hits.filter(({ id }) => !found.has(id)).length;
    this.#hits.inc({ path, outcome: 'found' }, hits.length - missed);
    this.#hits.inc({ path, outcome: 'missed' }, missed);
  }
}
