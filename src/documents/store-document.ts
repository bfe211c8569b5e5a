import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { storeChunks, type NewChunk } from '../chunking/store-chunks.js';
import type { RowKey } from '../db/read-model.js';
import { insertRow, updateRow, type RowValues } from '../writes/rows.js';
import { Document, DocumentStatus } from './document.entity.js';

/** The values of a new row. Without `botId` the database chooses the tenant's oldest bot. */
export type NewDocument = RowKey &
  RowValues<Document> & {
    readonly botId?: string | undefined;
    readonly createdAt?: string | undefined;
    readonly sizeBytes: string;
    readonly status: DocumentStatus;
  };

/** Stored in a few milliseconds. */
const FEW_CHUNKS = 16;

/**
 * Stores a new document with its chunks, if it has any: the one way in which a document comes to
 * be. Its size is counted in the tenant's row, for which others wait from then on: of a document
 * with more than a few chunks the size comes last of all, which costs a statement more.
 */
export async function storeDocument(
  em: SqlEntityManager,
  document: NewDocument,
  chunks: readonly NewChunk[],
): Promise<void> {
  if (chunks.length <= FEW_CHUNKS) {
    await insertRow(em, Document, document);
    await storeChunks(em, document, chunks);
    return;
  }
  await insertRow(em, Document, { ...document, sizeBytes: 0, status: DocumentStatus.PROCESSING });
  await storeChunks(em, document, chunks);
  const { sizeBytes, status } = document;
  await updateRow(em, Document, document, { sizeBytes, status });
}
