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
  readonly headings?: readonly string[] | undefined;
  readonly tableHeader?: string | undefined;
  /**
   * Where its text starts and ends in that of the document, counted in characters as PostgreSQL
   * does; both or neither.
   */
  readonly textStart?: number | undefined;
  readonly textEnd?: number | undefined;
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
 * `revision` is that of the document's text in which chunks with a place stand.
 */
export async function storeChunks(
  em: SqlEntityManager,
  document: RowKey,
  chunks: readonly NewChunk[],
  revision?: number,
): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < chunks.length; start += BATCH)
    ids.push(...(await storeBatch(em, document, chunks.slice(start, start + BATCH), revision)));
  return ids;
}

async function storeBatch(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
  chunks: readonly NewChunk[],
  revision: number | undefined,
): Promise<string[]> {
  const rows = chunks.map(chunk => ({
    id: chunk.id ?? v7(),
    text: chunk.text,
    chunk_index: chunk.chunkIndex,
    page_num: chunk.pageNum ?? null,
    chunk_metadata: chunk.metadata ?? {},
    headings: chunk.headings ?? [],
    table_header: chunk.tableHeader ?? null,
    revision: chunk.textStart === undefined ? null : revision,
    text_start: chunk.textStart ?? null,
    text_end: chunk.textEnd ?? null,
    created_at: chunk.createdAt ?? null,
  }));
  // A parameter for each vector: there it can be binary, which the server reads many times faster
  // than text.
  const vectors = chunks.map(({ embedding }) => embedding && new HalfVector(embedding));
  const placeholders = vectors.map((_, index) => `$${index + 4}::halfvec(1536)`);
  await runInWrite(
    em,
    `insert into doc_chunks (id, tenant_id, doc_id, text, chunk_index, page_num, chunk_metadata,
      headings, table_header, revision, text_start, text_end, embedding, created_at)
     select r.id, $1::uuid, $2::uuid, r.text, r.chunk_index, r.page_num, r.chunk_metadata,
       r.headings, r.table_header, r.revision, r.text_start, r.text_end, r.embedding,
       coalesce(r.created_at, now())
       from rows from (
         jsonb_to_recordset($3::jsonb) as (id uuid, text text, chunk_index int, page_num int,
           chunk_metadata jsonb, headings text[], table_header text, revision int,
           text_start int, text_end int, created_at timestamptz),
         unnest(array[${placeholders.join()}])
       ) as r(id, text, chunk_index, page_num, chunk_metadata, headings, table_header, revision,
         text_start, text_end, created_at, embedding)`,
    [tenantId, id, JSON.stringify(rows), ...vectors],
  );
  return rows.map(row => row.id);
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

/** That of the first chunk of a document; none where there is no chunk. */
export async function firstMetadata(
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
