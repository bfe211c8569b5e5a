import { contextOf, embeddingInput } from '../../chunking/chunk-context.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE, tenantScope } from '../../db/database-scope.js';
import { runInWrite } from '../../db/run-in-write.js';
import { fixedStatement } from '../../db/statement.js';
import type { Embedder } from '../../embedders/embedder.js';
import { HalfVector } from '../../embedders/half-vector.js';
import { TextRefusal } from '../../embedders/text-refusal.js';

/**
 * Chunks of one transaction. What was embedded for it is lost where it fails, so there are not
 * many.
 */
const PAGE = 256;

/** Which chunks get vectors. */
export interface ChunksToEmbed {
  readonly tenantId: string;
  /** Those that have none, in place of those that have one. */
  readonly missing: boolean;
  /** Only those with a greater id; `FIRST` for all. */
  readonly after: string;
}

/** Before every id. */
export const FIRST = '00000000-0000-0000-0000-000000000000';

/**
 * One condition for those with a vector and one for those without: `embedding_bq` is null with it,
 * and never leaves the row.
 */
const CONDITIONS =
  'c.tenant_id = $1::uuid and (c.embedding_bq is null) = $2::boolean and c.id > $3::uuid';

const COUNT = fixedStatement(
  'chunksToEmbed',
  `select count(*)::int as chunks from doc_chunks c where ${CONDITIONS}`,
);
const CHARACTERS = fixedStatement(
  'charactersToEmbed',
  `select coalesce(sum(length(c.text) + coalesce(length(c.context) + 2, 0)), 0)::float8
            as characters
     from doc_chunks c where ${CONDITIONS}`,
);
const NEXT = fixedStatement(
  'nextChunksToEmbed',
  `select c.id, c.doc_id, c.text, c.headings, c.table_header as "tableHeader", d.filename
     from doc_chunks c join docs d on d.tenant_id = c.tenant_id and d.id = c.doc_id
    where ${CONDITIONS} order by c.id limit ${PAGE}`,
);

/** A chunk whose text a service cannot embed. */
interface ChunkRefusal {
  readonly chunkId: string;
  readonly documentId: string;
  readonly refusal: TextRefusal;
}

/** What `reembedChunks` tells of its work. */
export interface ReembedReport {
  /** A page is committed: so many chunks got vectors, and this is the last one's id. */
  stored(count: number, lastId: string): void;
  /** Rejects or throws to end the work at this chunk; else the chunk is left without a vector. */
  refused(chunk: ChunkRefusal): void;
}

/** How many chunks there are to embed. */
export async function countChunksToEmbed(
  database: Database,
  { tenantId, missing, after }: ChunksToEmbed,
): Promise<number> {
  const [row] = await database
    .reads(tenantScope(tenantId))
    .query<{ chunks: number }>(COUNT, [tenantId, missing, after]);
  return row!.chunks;
}

/**
 * How long what is embedded of them is together, in characters: their texts, each with its context
 * and an empty line. Reads all of them.
 */
export async function countCharactersToEmbed(
  database: Database,
  { tenantId, missing, after }: ChunksToEmbed,
): Promise<number> {
  const [row] = await database
    .reads(tenantScope(tenantId))
    .query<{ characters: number }>(CHARACTERS, [tenantId, missing, after]);
  return row!.characters;
}

/**
 * Embeds stored texts, with what stands before them, and puts the vectors in place, page by page in
 * the order of ids. The database reads their words anew. `stored` is
 * told of each page once it is committed, with its last id: whoever goes on `after` that one misses
 * nothing. `refused` is told of each text that the service cannot embed while it embeds others.
 * Searches go on meanwhile, and compare with whatever vectors there are. Throws as `embedder` does.
 * Read as the tenant; only the operator may put another vector in place of one.
 */
export async function reembedChunks(
  database: Database,
  embedder: Pick<Embedder, 'embed'>,
  { tenantId, missing, after }: ChunksToEmbed,
  report: ReembedReport,
): Promise<void> {
  for (let last = after; ;) {
    const chunks = await database
      .reads(tenantScope(tenantId))
      .query<ChunkRow>(NEXT, [tenantId, missing, last]);
    if (chunks.length === 0) return;
    const vectors = await vectorsOf(embedder, chunks, report);
    const placeholders = vectors.map((_, index) => `$${index + 3}::halfvec(1536)`);
    await database.write('reembedChunks', OPERATOR_SCOPE, em =>
      runInWrite(
        em,
        `update doc_chunks c set embedding = made.embedding, search_vector = null
             from unnest($2::uuid[], array[${placeholders.join()}]) as made(id, embedding)
            where c.tenant_id = $1::uuid and c.id = made.id`,
        [
          tenantId,
          chunks.map(({ id }) => id),
          ...vectors.map(vector => vector && new HalfVector(vector)),
        ],
      ),
    );
    last = chunks.at(-1)!.id;
    report.stored(vectors.filter(vector => vector !== null).length, last);
  }
}

interface ChunkRow {
  readonly id: string;
  readonly doc_id: string;
  readonly text: string;
  readonly headings: readonly string[];
  readonly tableHeader: string | null;
  readonly filename: string;
}

const inputOf = ({ text, headings, tableHeader, filename }: ChunkRow): string =>
  embeddingInput(contextOf(filename, { headings, tableHeader: tableHeader ?? undefined }), text);

/** The vectors of chunks, null for those whose texts are left out. */
async function vectorsOf(
  embedder: Pick<Embedder, 'embed'>,
  chunks: readonly ChunkRow[],
  report: ReembedReport,
): Promise<(number[] | null)[]> {
  for (const left = new Set(chunks); ;) {
    const tried = [...left];
    try {
      const vectors = await embedder.embed(tried.map(inputOf));
      const byChunk = new Map(tried.map((chunk, index) => [chunk, vectors[index]!]));
      return chunks.map(chunk => byChunk.get(chunk) ?? null);
    } catch (error) {
      if (!(error instanceof TextRefusal)) throw error;
      const chunk = tried[error.index]!;
      report.refused({
        chunkId: chunk.id,
        documentId: chunk.doc_id,
        refusal: error.at(error.index, chunk.text),
      });
      left.delete(chunk);
    }
  }
}
