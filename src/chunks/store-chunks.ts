import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import { toVectorLiteral } from '../embedders/pad-vector.js';

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

/** Rows of one statement: with their vectors about a megabyte of text. */
const BATCH = 100;

/**
 * Stores chunks of a document, in one statement for each hundred, and gives their ids. The database takes the bot from the document.
 * Written as SQL and not as entities: the unit of work would read every generated column back, and cannot write a foreign key of three
 * columns. An unknown document breaks its foreign key; the caller's transaction is then to be rolled back.
 */
export async function storeChunks(em: SqlEntityManager, document: { readonly id: string; readonly tenantId: string }, chunks: readonly NewChunk[]): Promise<string[]> {
  const rows = chunks.map(chunk => ({
    id: chunk.id ?? v7(),
    text: chunk.text,
    chunk_index: chunk.chunkIndex,
    page_num: chunk.pageNum ?? null,
    chunk_metadata: chunk.metadata ?? {},
    embedding: chunk.embedding && toVectorLiteral(chunk.embedding),
    created_at: chunk.createdAt ?? null,
  }));
  for (let start = 0; start < rows.length; start += BATCH) {
    await em.execute(
      `insert into doc_chunks (id, tenant_id, doc_id, text, chunk_index, page_num, chunk_metadata, embedding, created_at)
       select r.id, ?::uuid, ?::uuid, r.text, r.chunk_index, r.page_num, r.chunk_metadata, r.embedding::halfvec(1536), coalesce(r.created_at, now())
         from jsonb_to_recordset(?::jsonb)
           as r(id uuid, text text, chunk_index int, page_num int, chunk_metadata jsonb, embedding text, created_at timestamptz)`,
      [document.tenantId, document.id, JSON.stringify(rows.slice(start, start + BATCH))],
    );
  }
  return rows.map(row => row.id);
}
