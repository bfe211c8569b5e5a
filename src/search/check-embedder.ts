import type { Logger } from 'pino';
import { AppError } from '../base/app-error.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { statement } from '../db/statement.js';
import type { Embedder } from '../embedders/embedder.js';

/** Any will do: vectors of two models have nothing in common. More than one, as some may have been made elsewhere. */
const SAMPLE = statement('embedderSample', 'select text, embedding::text as vector from doc_chunks where embedding is not null limit 5');

/** Of the vectors of one text by the same model; rounding and updates of a service's model change some hundredths. */
const SAME_MODEL = 0.8;

/**
 * Embeds the texts of some stored chunks, and tells the log where that fails or makes other vectors than those stored: then searches by
 * text would find the wrong chunks without an error. Takes one request to a service. Never throws; `signal` ends it.
 */
export async function checkEmbedder(database: Database, embedder: Embedder, log: Logger, signal: AbortSignal): Promise<void> {
  try {
    const stored = await database.reads(OPERATOR_SCOPE).query<{ text: string; vector: string }>(SAMPLE, []);
    const made = await embedder.embed(stored.length > 0 ? stored.map(({ text }) => text) : ['Weaver'], signal);
    const cosines = stored.map(({ vector }, index) => cosine(JSON.parse(vector) as number[], made[index]!)).filter(Number.isFinite);
    const likeness = Math.max(...cosines);
    if (cosines.length > 0 && likeness < SAME_MODEL) {
      log.warn({ model: embedder.model, cosine: Math.round(likeness * 1_000) / 1_000 }, 'Stored vectors seem to come from another model than the configured one: searches by text will find the wrong chunks');
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof AppError && error.code === 'UNAVAILABLE') log.warn({ err: error, model: embedder.model }, 'The embedding service cannot be used: searches by text and new chunks are unavailable until it can');
    else log.warn({ err: error }, 'The embedder could not be checked');
  }
}

/** Of vectors of different lengths, as if the shorter one went on with zeros. NaN for a vector of zeros. */
function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = b.reduce((sum, value, index) => sum + value * (a[index] ?? 0), 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b));
}
