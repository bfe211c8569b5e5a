import type { Logger } from 'pino';
import { ComputeScheduler } from '../base/compute-scheduler.js';
import type { Database } from '../db/database.js';
import type { Embedder } from '../embedders/embedder.js';
import type { ExtractText } from '../extraction/text-extractor.js';
import type { IngestionEvents } from './ingestion-events.js';
import type { IngestionMetrics } from './ingestion-metrics.js';
import { keepLease } from './keep-lease.js';
import { claim, findDue, type ClaimedIngestion } from './lease.js';
import { runIngestion } from './run-ingestion.js';

/**
 * How often it looks for what nobody has told it of: what was asked for in another process, whose
 * time has come, or what a crash has left.
 */
const POLL_MS = 1_000;

export interface WorkerParts {
  readonly database: Database;
  readonly extractText: ExtractText;
  readonly embedder: Embedder;
  readonly chunkSize: number;
  readonly events: IngestionEvents;
  readonly log: Logger;
  readonly metrics?: IngestionMetrics | undefined;
  /** Files that it processes at the same time, each of another tenant. */
  readonly concurrency: number;
}

interface RunningIngestion {
  readonly tenantId: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/**
 * Works on files in the background, those of tenants in turn. The database says what there is to
 * do, so it may end at any moment: whoever is next goes on.
 */
export class IngestionWorker {
  readonly #running = new Map<string, RunningIngestion>();
  readonly #computing = new ComputeScheduler();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #isClosed = false;

  constructor(private readonly parts: WorkerParts) {
    this.#timer = setInterval(() => this.#look(), POLL_MS);
    this.#timer.unref();
    this.#stopListening = parts.events.listen(({ ingestionId }) => {
      const running = this.#running.get(ingestionId);
      if (!running) this.#look();
    });
    this.#look();
  }

  /** Takes nothing new, gives back what it works on, and waits until that is stored. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stopListening();
    await this.#looking;
    const running = [...this.#running.values()];
    for (const { abort } of running) abort.abort(new Error('The process is being stopped.'));
    await Promise.all(running.map(({ done }) => done));
  }

  #look(): void {
    if (this.#isClosed) return;
    this.#lookAgain = true;
    this.#looking ??= this.#takeDue()
      .catch((error: unknown) =>
        this.parts.log.warn({ err: error }, 'Files that wait could not be looked for'),
      )
      .finally(() => (this.#looking = undefined));
  }

  async #takeDue(): Promise<void> {
    const { database, concurrency, events } = this.parts;
    while (this.#lookAgain && !this.#isClosed && this.#running.size < concurrency) {
      this.#lookAgain = false;
      const tenants = Array.from(this.#running.values(), ({ tenantId }) => tenantId);
      for (const due of await findDue(database, tenants, concurrency - this.#running.size)) {
        if (this.#isClosed) return;
        const claimed = await claim(database, due);
        if (claimed === undefined) continue;
        if (claimed === 'crashed') {
          this.parts.metrics?.failures.inc({ code: 'WORKER_CRASHED' });
          events.emit({ tenantId: due.tenantId, ingestionId: due.id });
        } else this.#run(claimed);
      }
    }
  }

  #run(ingestion: ClaimedIngestion): void {
    const { id, tenantId } = ingestion;
    const { database, events, log, metrics } = this.parts;
    const abort = new AbortController();
    const { signal } = abort;
    const renewal = keepLease(database, ingestion, abort, log);
    let isOwn = false;
    const onChange = (): void => {
      isOwn = true;
      events.emit({ tenantId, ingestionId: id });
      isOwn = false;
    };
    // Whoever else changes it may have cancelled it.
    const stopListening = events.listen(({ ingestionId }) => {
      if (ingestionId === id && !isOwn) renewal.check();
    });
    const done = runIngestion(
      {
        ...this.parts,
        onChange,
        onStep: (step, seconds) => metrics?.steps.observe({ step }, seconds),
        onFailure: code => metrics?.failures.inc({ code }),
      },
      ingestion,
      { signal, pause: this.#computing.pauseFor(tenantId, signal) },
    )
      .catch((error: unknown) =>
        log.error({ err: error, ingestionId: id, tenantId }, 'What became of a file is not stored'),
      )
      .finally(() => {
        renewal.end();
        stopListening();
        this.#running.delete(id);
        this.#look();
      });
    this.#running.set(id, { tenantId, abort, done });
  }
}
