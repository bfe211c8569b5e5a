import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { storeChunks, type NewChunk } from '../chunking/store-chunks.js';
import type { RowKey } from '../db/read-model.js';
import { insertRow, updateRow, type RowValues } from '../writes/rows.js';
import { Document, DocumentStatus } from './document.entity.js';

export interface NewDocument extends RowKey {
  /** Null for the tenant's oldest bot, which the database chooses. */
  readonly botId: string | null;
  readonly filename: string;
  /** Null for text that was given inline. */
  readonly sourceUri: string | null;
  readonly sizeBytes: number;
  readonly status: DocumentStatus;
}

/**
 * Stores a new document with its chunks, if it has any: the one way in which a document comes to
 * be. `more` is what else its row holds.
 */
export async function storeDocument(
  em: SqlEntityManager,
  document: NewDocument,
  chunks: readonly NewChunk[],
  more: RowValues<Document> = {},
): Promise<void> {
  const row = { ...document, ...more };
  if (chunks.length === 0) return insertRow(em, Document, row);
  await insertRow(em, Document, { ...row, sizeBytes: 0, status: DocumentStatus.PROCESSING });
  await storeChunks(em, document, chunks);
  // The size comes last of all: it is counted in the tenant's row, for which others would wait
  // while chunks are stored.
  const { sizeBytes, status } = document;
  await updateRow(em, Document, document, { sizeBytes, status });
}
