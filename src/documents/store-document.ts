import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { RowKey } from '../db/read-model.js';
import { insertRow, updateRow, type RowValues } from '../writes/rows.js';
import { Document, DocumentStatus } from './document.entity.js';
import { storeFirstText, type SplitDocument } from './document-texts.js';

/** A row to be; without `botId` the database chooses the tenant's oldest bot. */
export type NewDocument = RowKey &
  RowValues<Document> & {
    readonly botId?: string | undefined;
    readonly filename: string;
    readonly sizeBytes: string;
    readonly status: DocumentStatus;
  };

/**
 * Stores a new document, with its text and the chunks of that if it is made of one: the one way in
 * which a document comes to be.
 */
export async function storeDocument(
  em: SqlEntityManager,
  document: NewDocument,
  split: SplitDocument | undefined,
): Promise<void> {
  if (split === undefined) return insertRow(em, Document, document);
  await insertRow(em, Document, { ...document, sizeBytes: 0, status: DocumentStatus.PROCESSING });
  await storeFirstText(em, document, split);
  // The size comes last of all: it is counted in the tenant's row, for which others would wait
  // while chunks are stored.
  const { sizeBytes, status } = document;
  await updateRow(em, Document, document, { sizeBytes, status });
}
