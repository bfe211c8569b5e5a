import type { Logger } from 'pino';
import type { Pause } from '../base/compute-scheduler.js';
import { AppError } from '../base/app-error.js';
import type { Database } from '../db/database.js';
import { isDatabaseUnreachable } from '../db/database-errors.js';
import { tenantScope } from '../db/database-scope.js';
import { runInWrite } from '../db/run-in-write.js';
import type { Embedder } from '../embedders/embedder.js';
import { ExtractionError } from '../extraction/extraction-error.js';
import type { ExtractText } from '../extraction/text-extractor.js';
import { TextRefusal } from '../embedders/text-refusal.js';
import { readUpload } from '../uploads/upload-ingestion.js';
import {
  IngestionFailure,
  LeaseLost,
  UNEXPECTED,
  type IngestionProblem,
} from './ingestion-failure.js';
import { IngestionStep } from './ingestion.enums.js';
import { beginStep, fail, postpone, release, writeHeld, type ClaimedIngestion } from './lease.js';
import {
  nextToEmbed,
  reuseVectors,
  stageChunks,
  storeVectors,
  type ChunkToEmbed,
} from './staging.js';
import { splitInThread } from './split-in-thread.js';
import { switchDocument } from './switch-document.js';

/** Chunks between two steps of the progress, where the embedder itself sets no limit. */
const MAX_BATCH = 64;

/** What an attempt needs. */
export interface IngestionParts {
  readonly database: Database;
  readonly extractText: ExtractText;
  readonly embedder: Embedder;
  readonly chunkSize: number;
  readonly log: Logger;
  /** Told of each step that ended: how long it took. */
  readonly onStep: (step: IngestionStep, seconds: number) => void;
  /** Told of each change of the row. */
  readonly onChange: () => void;
  /** Why files were given up or have to wait. */
  readonly onFailure: (code: string) => void;
}

/** Of one attempt. */
interface Attempt {
  /** Aborted where the lease is lost, with a `LeaseLost`, and where the process ends. */
  readonly signal: AbortSignal;
  readonly pause: Pause;
}

/**
 * Brings an ingestion as far as it goes, and stores how it went. Each step may be the last of this
 * process: what it has stored is what the next attempt begins with. No network and no parsing while
 * a transaction is open. Rejects only where the database fails.
 */
export async function runIngestion(
  parts: IngestionParts,
  ingestion: ClaimedIngestion,
  attempt: Attempt,
): Promise<void> {
  try {
    await runSteps(parts, ingestion, attempt);
  } catch (error) {
    await storeOutcome(parts, ingestion, attempt, error).catch((second: unknown) => {
      if (!(second instanceof LeaseLost)) throw second;
    });
  }
  parts.onChange();
}

async function runSteps(
  parts: IngestionParts,
  ingestion: ClaimedIngestion,
  attempt: Attempt,
): Promise<void> {
  const { database } = parts;
  const step = async (name: IngestionStep, work: () => Promise<void>): Promise<void> => {
    attempt.signal.throwIfAborted();
    const begin = performance.now();
    await beginStep(database, ingestion, name);
    parts.log.debug({ ingestionId: ingestion.id, step: name }, 'A step of an ingestion begins');
    parts.onChange();
    await work();
    parts.onStep(name, (performance.now() - begin) / 1_000);
  };
  if (!ingestion.hasText)
    await step(IngestionStep.EXTRACT, () => extract(parts, ingestion, attempt));
  if (ingestion.staged === 0)
    await step(IngestionStep.CHUNK, () => chunk(parts, ingestion, attempt));
  await step(IngestionStep.EMBED, () => embed(parts, ingestion, attempt));
  await step(IngestionStep.SWITCH, () => switchDocument(database, ingestion));
}

async function extract(
  { database, extractText, log }: IngestionParts,
  ingestion: ClaimedIngestion,
  { signal }: Attempt,
): Promise<void> {
  const { tenantId, uploadId, filename, contentType } = ingestion;
  if (uploadId === null)
    throw new IngestionFailure('FILE_MISSING', 'The file is not there any more. Upload it again.');
  const bytes = await readUpload(database.reads(tenantScope(tenantId)), tenantId, uploadId);
  const { text, pageStarts, extractor, extractorVersion } = await extractText(bytes, {
    filename,
    ...(contentType !== null && { contentType }),
    signal,
    log,
  });
  await writeHeld(
    database,
    ingestion,
    'text = $4, page_starts = $5::int[], extractor = $6, extractor_version = $7',
    [text, pageStarts.length === 0 ? null : pageStarts, extractor, extractorVersion],
  );
}

async function chunk(
  { database, chunkSize }: IngestionParts,
  ingestion: ClaimedIngestion,
  { signal, pause }: Attempt,
): Promise<void> {
  const { id, tenantId } = ingestion;
  const [stored] = await database.write('textToChunk', tenantScope(tenantId), em =>
    runInWrite<{ text: string; pageStarts: number[] | null }>(
      em,
      `select text, page_starts as "pageStarts" from ingestions
        where tenant_id = $1::uuid and id = $2::uuid and text is not null`,
      [tenantId, id],
    ),
  );
  if (!stored) throw new LeaseLost('The ingestion was deleted, or ended.');
  await pause();
  const chunks = await splitInThread(stored.text, chunkSize, signal);
  await stageChunks(database, ingestion, chunks, stored.pageStarts ?? []);
}

async function embed(
  { database, embedder, onChange }: IngestionParts,
  ingestion: ClaimedIngestion,
  { signal, pause }: Attempt,
): Promise<void> {
  const { model } = embedder;
  await reuseVectors(database, ingestion, model);
  onChange();
  for (const size = Math.min(embedder.batchSize, MAX_BATCH); ;) {
    const chunks = await nextToEmbed(database, ingestion, model, size);
    if (chunks.length === 0) return;
    signal.throwIfAborted();
    const vectors = await embedInputs(embedder, chunks, { signal, pause });
    await storeVectors(database, ingestion, model, chunks, vectors);
    onChange();
  }
}

async function embedInputs(
  embedder: Embedder,
  chunks: readonly ChunkToEmbed[],
  attempt: Attempt,
): Promise<number[][]> {
  try {
    return await embedder.embed(
      chunks.map(({ input }) => input),
      attempt,
    );
  } catch (error) {
    if (error instanceof TextRefusal)
      throw new IngestionFailure(
        'EMBEDDING_REFUSED',
        error.at(error.index, chunks[error.index]!.text).message,
        { cause: error },
      );
    if (error instanceof AppError && error.code === 'UNAVAILABLE')
      throw new EmbeddingUnavailable(error);
    throw error;
  }
}

/** The file waits: it is not its fault, and no attempt counts. */
class EmbeddingUnavailable extends Error implements IngestionProblem {
  readonly code = 'EMBEDDING_UNAVAILABLE';
  readonly retryable = true;
  readonly waitMs: number | undefined;
  constructor(cause: AppError) {
    super(cause.message, { cause });
    this.waitMs = cause.retryAfterMs;
  }
}

/** Why an attempt ended early decides what becomes of its ingestion. */
async function storeOutcome(
  { database, log, onFailure }: IngestionParts,
  ingestion: ClaimedIngestion,
  { signal }: Attempt,
  error: unknown,
): Promise<void> {
  const { id: ingestionId, tenantId, documentId } = ingestion;
  const where = { ingestionId, tenantId, documentId, attempt: ingestion.attempt };
  const reason: unknown = signal.aborted ? signal.reason : error;
  if (reason instanceof LeaseLost) return log.debug(where, 'An ingestion was taken away');
  if (signal.aborted) return release(database, ingestion);
  if (error instanceof IngestionFailure || (error instanceof ExtractionError && !error.retryable)) {
    onFailure(error.code);
    log.info({ ...where, code: error.code, err: error.cause }, 'A file cannot be processed');
    return fail(database, ingestion, error);
  }
  if (error instanceof EmbeddingUnavailable) {
    onFailure(error.code);
    log.warn({ ...where, err: error.cause }, 'A file waits for the embedding service');
    const { waitMs } = error;
    await postpone(database, ingestion, error, { countsAsFailure: false, waitMs });
    return;
  }
  if (isDatabaseUnreachable(error)) return release(database, ingestion);
  const problem = error instanceof ExtractionError ? error : UNEXPECTED;
  onFailure(problem.code);
  log.error({ ...where, err: error }, 'An ingestion failed');
  await postpone(database, ingestion, problem, { countsAsFailure: true });
}
