import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { RowKey } from '../db/read-model.js';
import { insertRow, updateRow, type RowValues } from '../writes/rows.js';
import { Document, DocumentStatus } from './document.entity.js';
import { storeFirstText, type SplitDocument } from './document-texts.js';

/** The values of a new row. Without `botId` the database chooses the tenant's oldest bot. */
export type NewDocument = RowKey &
  RowValues<Document> & {
    readonly botId?: string | undefined;
    readonly filename: string;
    readonly createdAt?: string | undefined;
    readonly sizeBytes: string;
    readonly status: DocumentStatus;
  };

/** Stored in a few milliseconds. */
const FEW_CHUNKS = 16;

/**
 * Stores a new document, with its text and the chunks of that if it has a text: the one way in
 * which a document comes to be. Its size is counted in the tenant's row, for which others wait from
 * then on: of a document with more than a few chunks the size comes last of all, which costs a
 * statement more.
 */
export async function storeDocument(
  em: SqlEntityManager,
  document: NewDocument,
  split: SplitDocument | undefined,
): Promise<void> {
  if (split === undefined) return insertRow(em, Document, document);
  if (split.chunks.length <= FEW_CHUNKS) {
    await insertRow(em, Document, document);
    await storeFirstText(em, document, split);
    return;
  }
  await insertRow(em, Document, { ...document, sizeBytes: 0, status: DocumentStatus.PROCESSING });
  await storeFirstText(em, document, split);
  const { sizeBytes, status } = document;
  await updateRow(em, Document, document, { sizeBytes, status });
}
