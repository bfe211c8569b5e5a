import type { Caller } from '../auth/caller.js';
import { badInput } from '../base/app-error.js';
import { Bot } from '../bots/bot.entity.js';
import { chunksOfText } from '../chunking/prepare-chunks.js';
import type { RowKey } from '../db/read-model.js';
import type { DeletionPayload } from '../graphql/deletion.js';
import { jsonInput, tenantInput } from '../graphql/input-checks.js';
import { changedValues, newValues } from '../graphql/settable-fields.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { checkQuotas } from '../tenants/quotas.js';
import { detailsOf, recordedForOperators, rowDetailsOf } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db, EmbeddingDb } from '../writes/db.js';
import { countDependentRows } from '../writes/deletion.js';
import { findRowOrFail } from '../writes/find-row.js';
import { lockRow } from '../writes/lock-row.js';
import { deleteRow, idAndTimeOf, updateRow } from '../writes/rows.js';
import { documentText, documentTextInput } from './document-checks.js';
import type {
  CreateDocumentInput,
  DeleteDocumentInput,
  ReprocessDocumentInput,
  UpdateDocumentInput,
} from './document-mutations.inputs.js';
import { Document, DocumentStatus } from './document.entity.js';
import { digestOfText, replaceText, type SplitDocument } from './document-texts.js';
import { documentToEmbed, type DocumentToEmbed } from './document-to-embed.js';
import { storeDocument, type NewDocument } from './store-document.js';

/**
 * Creates a document: either with its text, which is split, embedded and stored, or for a file
 * whose chunks another program adds.
 */
export async function createDocument(
  db: EmbeddingDb,
  caller: Caller,
  input: CreateDocumentInput,
): Promise<RowKey> {
  const { document, text, metadata } = newDocument(caller, input);
  return change<RowKey, SplitDocument | undefined>(db, caller, {
    verb: 'createDocument',
    input,
    async prepare() {
      if (text === undefined) return undefined;
      if (document.botId !== undefined)
        await findRowOrFail(db, caller, Bot, 'bot', document.botId, 'input.botId');
      const chunks = await chunksOfText(text, document.filename, db);
      const { createdAt } = document;
      return { text, chunks: chunks.map(chunk => ({ ...chunk, metadata, createdAt })) };
    },
    async work(em, split) {
      await storeDocument(em, document, split);
      const { id, tenantId } = document;
      await checkQuotas(em, db.quotas, tenantId, {
        bytesField: text === undefined ? 'input.sizeBytes' : 'input.text',
        documentField: 'input.filename',
      });
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Document',
          targetId: id,
          details: rowDetailsOf(Document, input, 'tenantId'),
        }),
      };
    },
  });
}

/** Changes a document, or moves it with its chunks to another bot. */
export async function updateDocument(
  db: Db,
  caller: Caller,
  input: UpdateDocumentInput,
): Promise<RowKey> {
  const changes = changedValues(Document, input);
  return change<RowKey>(db, caller, {
    verb: 'updateDocument',
    input,
    async work(em) {
      const document = await lockRow<{ sourceUri: string | null }>(em, caller, Document, input, {
        properties: ['sourceUri'],
      });
      const { id, tenantId } = document;
      if (changes.sizeBytes !== undefined && { ...document, ...changes }.sourceUri === null) {
        throw badInput(
          'input.sizeBytes',
          'input.sizeBytes cannot be set for a document that was created from a text, ' +
            'because its size is calculated.',
        );
      }
      await updateRow(em, Document, { id, tenantId }, changes);
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Document',
          targetId: id,
          details: rowDetailsOf(Document, input, 'id'),
        }),
      };
    },
  });
}

/**
 * Gives a document a new text. Its chunks are replaced in one transaction. If another call has
 * changed the document since this one began, the text is not stored, for it may be the older one.
 */
export async function reprocessDocument(
  db: EmbeddingDb,
  caller: Caller,
  input: ReprocessDocumentInput,
): Promise<RowKey> {
  const id = uuidInput('input.id', input.id);
  const text = documentTextInput(input.text);
  const metadata = input.metadata == null ? undefined : jsonInput('input.metadata', input.metadata);
  return change<RowKey, SplitDocument & { before: DocumentToEmbed }>(db, caller, {
    verb: 'reprocessDocument',
    input,
    async prepare() {
      const before = await documentToEmbed(db, caller, id, 'input.id');
      return { before, text, chunks: await chunksOfText(text, before.filename, db) };
    },
    async work(em, { before, ...split }) {
      const document = await lockRow<{ sourceUri: string | null }>(em, caller, Document, input, {
        properties: ['sourceUri'],
        begunAt: before.updatedAt,
      });
      const { tenantId, sourceUri } = document;
      await replaceText(em, document, split, metadata);
      // Last, as in `storeDocument`.
      await updateRow(em, Document, document, {
        status: DocumentStatus.COMPLETED,
        errorMessage: null,
        metadata,
        contentSha256: digestOfText(text),
        // The size of a file at `sourceUri` is not that of its text.
        sizeBytes: sourceUri === null ? Buffer.byteLength(text) : undefined,
      });
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Document',
          targetId: id,
          details: detailsOf(input, 'id'),
        }),
      };
    },
  });
}

/** Deletes a document with its chunks. */
export async function deleteDocument(
  db: Db,
  caller: Caller,
  input: DeleteDocumentInput,
): Promise<DeletionPayload> {
  return change<DeletionPayload>(db, caller, {
    verb: 'deleteDocument',
    input,
    async work(em) {
      const { id, tenantId } = await lockRow(em, caller, Document, input, { forDelete: true });
      const counts = await countDependentRows(em, 'document', { id, tenantId });
      await deleteRow(em, Document, { id, tenantId });
      return {
        outcome: { deletedId: id, counts },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Document',
          targetId: id,
          details: detailsOf(input, 'id'),
        }),
      };
    },
  });
}

/** The new document of an input, and if it has a text, the text and the metadata of its chunks. */
function newDocument(
  caller: Caller,
  input: CreateDocumentInput,
): { document: NewDocument; text: string | undefined; metadata: Record<string, unknown> } {
  const key = { ...idAndTimeOf(input), tenantId: tenantInput(caller, input.tenantId) };
  const text = documentText(input);
  const given = newValues(Document, input);
  const values = { ...given, filename: given.filename! };
  const metadata = input.metadata == null ? {} : jsonInput('input.metadata', input.metadata);
  // A file has the values that the input gives. The size of a text is counted, and its chunks are
  // stored at once.
  const document =
    text === undefined
      ? { sizeBytes: '0', status: DocumentStatus.PENDING, ...values, ...key }
      : {
          ...values,
          ...key,
          sizeBytes: String(Buffer.byteLength(text)),
          metadata,
          contentSha256: digestOfText(text),
          status: DocumentStatus.COMPLETED,
        };
  return { document, text, metadata };
}
