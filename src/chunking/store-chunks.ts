import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { HalfVector } from '../embedders/half-vector.js';

export interface NewChunk {
  /** Made here where it is not given. */
  readonly id?: string;
  readonly text: string;
  readonly chunkIndex: number;
  readonly pageNum?: number | null;
  readonly metadata?: Record<string, unknown>;
  /** 1536 numbers; null for a chunk that only words can find. */
  readonly embedding: readonly number[] | null;
  /** Now, where it is not given. */
  readonly createdAt?: string;
}

/** Rows of one statement: with their vectors about two megabytes. */
const BATCH = 500;

/**
 * Stores chunks of a document, in one statement for each five hundred, and gives their ids. The
 * database takes the bot from the document. Written as SQL and not as entities: the unit of work
 * would read every generated column back, and cannot write a foreign key of three columns. An
 * unknown document breaks its foreign key; the caller's transaction is then to be rolled back.
 */
export async function storeChunks(
  em: SqlEntityManager,
  document: RowKey,
  chunks: readonly NewChunk[],
): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < chunks.length; start += BATCH)
    ids.push(...(await storeBatch(em, document, chunks.slice(start, start + BATCH))));
  return ids;
}

async function storeBatch(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
  chunks: readonly NewChunk[],
): Promise<string[]> {
  const rows = chunks.map(chunk => ({
    id: chunk.id ?? v7(),
    text: chunk.text,
    chunk_index: chunk.chunkIndex,
    page_num: chunk.pageNum ?? null,
    chunk_metadata: chunk.metadata ?? {},
    created_at: chunk.createdAt ?? null,
  }));
  // A parameter for each vector: there it can be binary, which the server reads many times faster
  // than text.
  const vectors = chunks.map(({ embedding }) => embedding && new HalfVector(embedding));
  const placeholders = vectors.map((_, index) => `$${index + 4}::halfvec(1536)`);
  await runInWrite(
    em,
    `insert into doc_chunks (id, tenant_id, doc_id, text, chunk_index, page_num, chunk_metadata,
      embedding, created_at)
     select r.id, $1::uuid, $2::uuid, r.text, r.chunk_index, r.page_num, r.chunk_metadata,
       r.embedding, coalesce(r.created_at, now())
       from rows from (
         jsonb_to_recordset($3::jsonb) as (id uuid, text text, chunk_index int, page_num int,
           chunk_metadata jsonb, created_at timestamptz),
         unnest(array[${placeholders.join()}])
       ) as r(id, text, chunk_index, page_num, chunk_metadata, created_at, embedding)`,
    [tenantId, id, JSON.stringify(rows), ...vectors],
  );
  return rows.map(row => row.id);
}

/**
 * Puts chunks in the place of all that a document has. Without `metadata` they get that of the
 * first old chunk.
 */
export async function replaceChunks(
  em: SqlEntityManager,
  document: RowKey,
  chunks: readonly NewChunk[],
  metadata: Record<string, unknown> | undefined,
): Promise<void> {
  const noted = metadata ?? (await firstMetadata(em, document));
  await deleteChunksOf(em, document);
  await storeChunks(
    em,
    document,
    chunks.map(chunk => ({ ...chunk, metadata: noted })),
  );
}

/** Deletes all chunks of a document, and gives how many there were. */
export async function deleteChunksOf(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
): Promise<number> {
  const [row] = await runInWrite<{ count: number }>(
    em,
    'with gone as (delete from doc_chunks where tenant_id = $1::uuid ' +
      'and doc_id = $2::uuid returning 1) select count(*)::int as count from gone',
    [tenantId, id],
  );
  return row!.count;
}

async function firstMetadata(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
): Promise<Record<string, unknown>> {
  const [first] = await runInWrite<{ metadata: Record<string, unknown> }>(
    em,
    'select chunk_metadata as metadata from doc_chunks where tenant_id = $1::uuid ' +
      'and doc_id = $2::uuid order by chunk_index, id limit 1',
    [tenantId, id],
  );
  return first?.metadata ?? {};
}
