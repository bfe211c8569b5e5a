import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../auth/caller.js';
import { AppError, badInput } from '../base/app-error.js';
import { embedChunks, type UnembeddedChunk } from '../chunking/prepare-chunks.js';
import { deleteChunksOf, storeChunks, type NewChunk } from '../chunking/store-chunks.js';
import type { RowKey } from '../db/read-model.js';
import { runInWrite } from '../db/run-in-write.js';
import { currentRevision } from '../documents/document-texts.js';
import { documentToEmbed, type DocumentToEmbed } from '../documents/document-to-embed.js';
import { Document } from '../documents/document.entity.js';
import { checkVector } from '../embedders/check-vector.js';
import {
  intInput,
  jsonInput,
  listInput,
  longTextInput,
  notFound,
} from '../graphql/input-checks.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { detailsOf, recordedForOperators } from '../writes/audit.js';
import { change, type ChangeResult } from '../writes/change.js';
import type { Db, EmbeddingDb } from '../writes/db.js';
import { withoutNulls } from '../writes/idempotency.js';
import { lockRow } from '../writes/lock-row.js';
import {
  MAX_CHUNK_METADATA_BYTES,
  MAX_CHUNK_TEXT_BYTES,
  MAX_CHUNKS,
  type AddChunksInput,
  type DeleteChunksInput,
  type DeleteChunksPayload,
  type NewChunkInput,
} from './chunk-mutations.inputs.js';

const MAX_INT = 2 ** 31 - 1;
/** The index of a chunk whose input has none, until the last index of the document is known. */
const UNNUMBERED = -1;

export interface AddedChunks {
  readonly tenantId: string;
  readonly documentId: string;
  /** In the order of the input. */
  readonly ids: string[];
}

/**
 * Adds chunks to a document, with the caller's vectors or with computed ones. `createdAt` is for
 * programs that import chunks.
 */
export async function addChunks(
  db: EmbeddingDb,
  caller: Caller,
  input: AddChunksInput & { readonly createdAt?: string },
): Promise<AddedChunks> {
  const documentId = uuidInput('input.documentId', input.documentId);
  const { createdAt } = input;
  const chunks = listInput('input.chunks', input.chunks, 1, MAX_CHUNKS).map((chunk, index) => ({
    ...newChunk(chunk, `input.chunks[${index}]`, db),
    createdAt,
  }));
  const { tenantId, ids } = await change<{ tenantId: string; ids: string[] }, EmbeddedChunks>(
    db,
    caller,
    {
      verb: 'addChunks',
      input,
      // For a chunk, null means that it gets no vector.
      keyedInput: () => ({
        ...input,
        chunks: input.chunks.map(chunk => withoutNulls(chunk, 'embedding')),
      }),
      async prepare() {
        const before = await documentToEmbed(db, caller, documentId, 'input.documentId');
        return { before, embedded: await embedChunks(chunks, before.filename, db) };
      },
      async work(em, { before, embedded }) {
        const document = await lockDocument(em, caller, documentId);
        if ((await currentRevision(em, document)) !== before.revision) throw textReplaced();
        const last = await lastChunkIndex(em, document);
        return {
          outcome: {
            tenantId: document.tenantId,
            ids: await storeChunks(em, document, withIndexes(embedded, last)),
          },
          audit: recordedForOperators({
            tenantId: document.tenantId,
            targetType: 'DocumentChunk',
            details: detailsOf(input, 'documentId'),
          }),
        };
      },
    },
  );
  return { tenantId, documentId, ids };
}

interface EmbeddedChunks {
  readonly before: DocumentToEmbed;
  readonly embedded: readonly NewChunk[];
}

/** Chunks of an older text are not to stand beside those of the new one. */
function textReplaced(): AppError {
  return new AppError(
    'CONFLICT',
    'Another call replaced the text of this document while the chunks were being embedded. None ' +
      'of them was added. Read the document again, then decide.',
    { field: 'input.documentId' },
  );
}

/** Deletes chunks: those that are named, or all of a document. */
export async function deleteChunks(
  db: Db,
  caller: Caller,
  input: DeleteChunksInput,
): Promise<DeleteChunksPayload> {
  const { ids, documentId } = input;
  if ((ids == null) === (documentId == null))
    throw badInput('input.ids', 'Set either input.ids or input.documentId.');
  const named =
    ids == null
      ? undefined
      : listInput('input.ids', ids, 1, MAX_CHUNKS).map((id, index) =>
          uuidInput(`input.ids[${index}]`, id),
        );
  return change<DeleteChunksPayload>(db, caller, {
    verb: 'deleteChunks',
    input,
    work: em => (named ? deleteNamed(em, caller, named) : deleteAll(em, caller, documentId!)),
  });
}

function newChunk(
  { text, embedding, chunkIndex, pageNum, metadata }: NewChunkInput,
  field: string,
  { embedder }: EmbeddingDb,
): UnembeddedChunk {
  if (embedding != null) checkVector(`${field}.embedding`, embedding, embedder);
  return {
    text: longTextInput(`${field}.text`, text, MAX_CHUNK_TEXT_BYTES),
    embedding,
    chunkIndex:
      chunkIndex == null ? UNNUMBERED : intInput(`${field}.chunkIndex`, chunkIndex, 0, MAX_INT),
    pageNum: pageNum == null ? null : intInput(`${field}.pageNum`, pageNum, 1, MAX_INT),
    metadata:
      metadata == null ? {} : jsonInput(`${field}.metadata`, metadata, MAX_CHUNK_METADATA_BYTES),
  };
}

/** The chunks with an index for each: those without one follow the chunk before them. */
function withIndexes(chunks: readonly NewChunk[], last: number): NewChunk[] {
  let place = last;
  return chunks.map((chunk, index) => {
    place = chunk.chunkIndex === UNNUMBERED ? place + 1 : chunk.chunkIndex;
    if (place > MAX_INT)
      throw badInput(
        `input.chunks[${index}].chunkIndex`,
        `The previous chunk has the largest possible chunkIndex, ${MAX_INT}. Set chunkIndex.`,
      );
    return { ...chunk, chunkIndex: place };
  });
}

/** The lock prevents two calls from giving out the same indexes. */
function lockDocument(em: SqlEntityManager, caller: Caller, id: string): Promise<RowKey> {
  return lockRow(em, caller, Document, { id }, { field: 'input.documentId' });
}

async function lastChunkIndex(em: SqlEntityManager, { id, tenantId }: RowKey): Promise<number> {
  const [row] = await runInWrite<{ last: number }>(
    em,
    'select coalesce(max(chunk_index), -1) as last from doc_chunks ' +
      'where tenant_id = $1::uuid and doc_id = $2::uuid',
    [tenantId, id],
  );
  return row!.last;
}

async function deleteNamed(
  em: SqlEntityManager,
  { tenantId: own }: Caller,
  ids: readonly string[],
): Promise<ChangeResult<DeleteChunksPayload>> {
  const rows = await runInWrite<RowKey>(
    em,
    'delete from doc_chunks where id = any($1::uuid[])' +
      `${own === undefined ? '' : ' and tenant_id = $2::uuid'} ` +
      'returning id, tenant_id as "tenantId"',
    own === undefined ? [ids] : [ids, own],
  );
  const deleted = new Set(rows.map(row => row.id));
  const missing = ids.findIndex(id => !deleted.has(id));
  // All or nothing: the transaction rolls back.
  if (missing >= 0) throw notFound('chunk', ids[missing]!, `input.ids[${missing}]`);
  const tenants = [...new Set(rows.map(row => row.tenantId))];
  return {
    outcome: { deletedCount: deleted.size, deletedIds: [...deleted] },
    // The operator may name chunks of several tenants, and each tenant gets an event.
    audit: recordedForOperators(
      ...tenants.map(tenantId => ({ tenantId, targetType: 'DocumentChunk' })),
    ),
  };
}

async function deleteAll(
  em: SqlEntityManager,
  caller: Caller,
  documentId: string,
): Promise<ChangeResult<DeleteChunksPayload>> {
  const document = await lockDocument(em, caller, documentId);
  return {
    outcome: { deletedCount: await deleteChunksOf(em, document), deletedIds: null },
    audit: recordedForOperators({
      tenantId: document.tenantId,
      targetType: 'DocumentChunk',
      details: { documentId },
    }),
  };
}
