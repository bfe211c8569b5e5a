import type { Logger } from 'pino';
import { AppError } from '../../base/app-error.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE } from '../../db/database-scope.js';
import { statement } from '../../db/statement.js';
import type { Embedder } from '../../embedders/embedder.js';

/**
 * The first and the last chunk of ten tenants: `reembed` goes from one to the other, and may have
 * stopped between.
 */
const SAMPLE = statement(
  'embedderSample',
  `select c.text, c.vector
     from (select id from tenants order by random() limit 10) t
    cross join lateral (
      (select text, embedding::text as vector from doc_chunks
        where tenant_id = t.id and embedding_bq is not null order by id limit 1)
       union
      (select text, embedding::text from doc_chunks
        where tenant_id = t.id and embedding_bq is not null order by id desc limit 1)
    ) c`,
);

const OTHER_MODEL =
  'Stored vectors come from another model than the configured one, unless they came ' +
  'ready-made: searches by text find the wrong chunks. "npx weaver search reembed" makes ' +
  'all of them anew (docs/embedders.md)';

/**
 * Of the vectors of one text by the same model; rounding and updates of a service's model change
 * some hundredths.
 */
const SAME_MODEL = 0.8;

/**
 * Embeds the texts of some stored chunks, and tells the log where that fails or makes other vectors
 * than those stored: then searches by text would find the wrong chunks without an error. A service
 * gets as many texts as one request holds, so that it shows whether it takes them. Never throws;
 * `signal` ends it.
 */
export async function checkEmbedder(
  database: Database,
  embedder: Embedder,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const stored = await database
      .reads(OPERATOR_SCOPE)
      .query<{ text: string; vector: string }>(SAMPLE, []);
    const texts = stored.length > 0 ? stored.map(({ text }) => text) : ['Weaver'];
    const made = await embedder.embed(embedder.isRemote ? fullBatch(texts, embedder) : texts, {
      signal,
    });
    const cosines = stored
      .map(({ vector }, index) => cosine(JSON.parse(vector) as number[], made[index]!))
      .filter(Number.isFinite);
    const differing = cosines.filter(likeness => likeness < SAME_MODEL).length;
    if (differing > 0)
      log.warn({ model: embedder.model, looked: cosines.length, differing }, OTHER_MODEL);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof AppError && error.code === 'UNAVAILABLE')
      log.warn(
        { err: error, model: embedder.model },
        'The embedding service cannot be used: searches by text and new chunks are ' +
          'unavailable until it can',
      );
    else log.warn({ err: error }, 'The embedder could not be checked');
  }
}

/** The texts, repeated until they fill a request. */
function fullBatch(texts: readonly string[], { batchSize }: Embedder): string[] {
  return Array.from(
    { length: Math.max(texts.length, batchSize) },
    (_, index) => texts[index % texts.length]!,
  );
}

/**
 * Of vectors of different lengths, as if the shorter one went on with zeros. NaN for a vector of
 * zeros.
 */
function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = b.reduce((sum, value, index) => sum + value * (a[index] ?? 0), 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b));
}
