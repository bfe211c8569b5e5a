import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { badInput } from '../base/app-error.js';
import { runInWrite } from '../db/run-in-write.js';
import { Document } from '../documents/document.entity.js';
import { checkGivenVector } from '../embedders/given-vector.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import {
  intInput,
  jsonInput,
  listInput,
  longTextInput,
  notFound,
} from '../graphql/input-checks.js';
import { knownRow } from '../graphql/known-row.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import {
  AddChunksInput,
  AddChunksPayload,
  DeleteChunksInput,
  DeleteChunksPayload,
  MAX_CHUNK_METADATA_BYTES,
  MAX_CHUNK_TEXT_BYTES,
  MAX_CHUNKS,
  type NewChunkInput,
} from './chunk-mutations.inputs.js';
import { DocumentChunk } from './chunk.entity.js';
import { embedChunks, type UnembeddedChunk } from './prepare-chunks.js';
import { storeChunks, type NewChunk } from './store-chunks.js';

const MAX_INT = 2 ** 31 - 1;
/** Where a chunk without a place of its own stands until the document's last place is known. */
const NOWHERE = -1;

@Resolver()
export class ChunkMutationsResolver {
  @Requires('write')
  @Mutation(() => AddChunksPayload, {
    nullable: true,
    description: 'Adds chunks to a document, with vectors made elsewhere or made here.',
  })
  async addChunks(
    @InputArg(() => AddChunksInput) input: AddChunksInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<AddChunksPayload> {
    const documentId = uuidInput('input.documentId', input.documentId);
    const chunks = listInput('input.chunks', input.chunks, 1, MAX_CHUNKS).map((chunk, index) =>
      newChunk(chunk, `input.chunks[${index}]`, context),
    );
    const { tenantId, ids } = await mutate<{ tenantId: string; ids: string[] }, NewChunk[]>(
      context,
      info,
      {
        input,
        async prepare() {
          await knownRow(context, Document, 'document', documentId, 'input.documentId');
          return embedChunks(chunks, context);
        },
        async work(em, embedded) {
          // The lock keeps two calls from taking the same places.
          const document = await lockedRow(
            em,
            context,
            Document,
            { id: documentId },
            { field: 'input.documentId' },
          );
          const last = await lastPlace(em, document);
          return {
            tenantId: document.tenantId,
            ids: await storeChunks(em, document, placed(embedded, last)),
          };
        },
      },
    );
    const [document, stored] = await Promise.all([
      writtenRow(context, info, 'document', Document, { id: documentId, tenantId }),
      Promise.all(
        ids.map(id => writtenRow(context, info, 'chunks', DocumentChunk, { id, tenantId })),
      ),
    ]);
    return { document, chunks: stored };
  }

  @Requires('write')
  @Mutation(() => DeleteChunksPayload, {
    nullable: true,
    description: 'Deletes chunks: those that are named, or all of a document.',
  })
  async deleteChunks(
    @InputArg(() => DeleteChunksInput) input: DeleteChunksInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DeleteChunksPayload> {
    const { ids, documentId } = input;
    if ((ids == null) === (documentId == null))
      throw badInput('input.ids', 'Give input.ids or input.documentId, one of the two.');
    const named =
      ids == null
        ? undefined
        : listInput('input.ids', ids, 1, MAX_CHUNKS).map((id, index) =>
            uuidInput(`input.ids[${index}]`, id),
          );
    return mutate<DeleteChunksPayload>(context, info, {
      input,
      work: em => (named ? deleteNamed(em, context, named) : deleteAll(em, context, documentId!)),
    });
  }
}

function newChunk(
  { text, embedding, chunkIndex, pageNum, metadata }: NewChunkInput,
  field: string,
  { embedder }: RequestContext,
): UnembeddedChunk {
  if (embedding != null) checkGivenVector(`${field}.embedding`, embedding, embedder);
  return {
    text: longTextInput(`${field}.text`, text, MAX_CHUNK_TEXT_BYTES),
    embedding,
    chunkIndex:
      chunkIndex == null ? NOWHERE : intInput(`${field}.chunkIndex`, chunkIndex, 0, MAX_INT),
    pageNum: pageNum == null ? null : intInput(`${field}.pageNum`, pageNum, 1, MAX_INT),
    metadata:
      metadata == null ? {} : jsonInput(`${field}.metadata`, metadata, MAX_CHUNK_METADATA_BYTES),
  };
}

/** The chunks, each without a place of its own after the one before it. */
function placed(chunks: readonly NewChunk[], last: number): NewChunk[] {
  let place = last;
  return chunks.map((chunk, index) => {
    place = chunk.chunkIndex === NOWHERE ? place + 1 : chunk.chunkIndex;
    if (place > MAX_INT)
      throw badInput(
        `input.chunks[${index}].chunkIndex`,
        `There is no place after ${MAX_INT}, where the chunk before it stands.`,
      );
    return { ...chunk, chunkIndex: place };
  });
}

async function lastPlace(
  em: SqlEntityManager,
  { id, tenantId }: { id: string; tenantId: string },
): Promise<number> {
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
  { reads }: RequestContext,
  ids: readonly string[],
): Promise<DeleteChunksPayload> {
  const own = reads.tenantId;
  const rows = await runInWrite<{ id: string }>(
    em,
    'delete from doc_chunks where id = ' +
      `any($1::uuid[])${own === undefined ? '' : ' and tenant_id = $2::uuid'} returning id`,
    own === undefined ? [ids] : [ids, own],
  );
  const deleted = new Set(rows.map(row => row.id));
  const missing = ids.findIndex(id => !deleted.has(id));
  // All or nothing: the transaction rolls back.
  if (missing >= 0) throw notFound('chunk', ids[missing]!, `input.ids[${missing}]`);
  return { deletedCount: deleted.size, deletedIds: [...deleted] };
}

async function deleteAll(
  em: SqlEntityManager,
  context: RequestContext,
  documentId: string,
): Promise<DeleteChunksPayload> {
  const document = await lockedRow(
    em,
    context,
    Document,
    { id: documentId },
    { field: 'input.documentId' },
  );
  const [row] = await runInWrite<{ count: number }>(
    em,
    'with gone as (delete from doc_chunks where tenant_id = $1::uuid ' +
      'and doc_id = $2::uuid returning 1) select count(*)::int as count from gone',
    [document.tenantId, document.id],
  );
  return { deletedCount: row!.count, deletedIds: null };
}
