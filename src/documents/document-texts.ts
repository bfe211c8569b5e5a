import { createHash } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import {
  deleteChunksOf,
  firstMetadata,
  storeChunks,
  type NewChunk,
} from '../chunking/store-chunks.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';

/** A text and what it was split into. */
export interface SplitDocument {
  readonly text: string;
  readonly chunks: readonly NewChunk[];
}

const FIRST_REVISION = 1;

/** The SHA-256 of a text in UTF-8, as hexadecimal digits. */
export const digestOfText = (text: string): string =>
  createHash('sha256').update(text).digest('hex');

/** Stores the first text of a new document with its chunks. */
export async function storeFirstText(
  em: SqlEntityManager,
  document: RowKey,
  { text, chunks }: SplitDocument,
): Promise<void> {
  await insertText(em, document, FIRST_REVISION, text);
  await storeChunks(em, document, chunks, FIRST_REVISION);
}

/**
 * Puts a text in the place of that of a document, and its chunks in the place of all that the
 * document has. Without `metadata` they get that of the first old chunk. The document's row is to
 * be locked.
 */
export async function replaceText(
  em: SqlEntityManager,
  document: RowKey,
  { text, chunks }: SplitDocument,
  metadata: Record<string, unknown> | undefined,
): Promise<void> {
  const { revision, noted } = await removeText(em, document, metadata);
  await insertText(em, document, revision, text);
  const annotated = chunks.map(chunk => ({ ...chunk, metadata: noted }));
  await storeChunks(em, document, annotated, revision);
}

/**
 * Makes room for another text of a document: deletes the old one, and all chunks. Gives the number
 * of the next, and `metadata`, or without it that of the first old chunk. The document's row is to
 * be locked.
 */
export async function removeText(
  em: SqlEntityManager,
  document: RowKey,
  metadata: Record<string, unknown> | undefined,
): Promise<{ revision: number; noted: Record<string, unknown> }> {
  const noted = metadata ?? (await firstMetadata(em, document));
  await deleteChunksOf(em, document);
  return { revision: (await deleteTexts(em, document)) + 1, noted };
}

async function insertText(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
  revision: number,
  text: string,
): Promise<void> {
  await runInWrite(
    em,
    'insert into doc_texts (tenant_id, doc_id, revision, text, sha256) ' +
      'values ($1::uuid, $2::uuid, $3::int, $4, $5)',
    [tenantId, id, revision, text, digestOfText(text)],
  );
}

/** Gives the number of the last one; 0 where there was none. */
async function deleteTexts(em: SqlEntityManager, { id, tenantId }: RowKey): Promise<number> {
  const rows = await runInWrite<{ revision: number }>(
    em,
    'delete from doc_texts where tenant_id = $1::uuid and doc_id = $2::uuid returning revision',
    [tenantId, id],
  );
  return Math.max(0, ...rows.map(({ revision }) => revision));
}

/** The number of a document's text; 0 where none is kept. */
export async function currentRevision(
  em: SqlEntityManager,
  { id, tenantId }: RowKey,
): Promise<number> {
  const [row] = await runInWrite<{ revision: number }>(
    em,
    'select coalesce(max(revision), 0) as revision from doc_texts ' +
      'where tenant_id = $1::uuid and doc_id = $2::uuid',
    [tenantId, id],
  );
  return row!.revision;
}
