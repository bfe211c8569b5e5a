import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Document } from '../documents/document.entity.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  AddChunksInput,
  AddChunksPayload,
  DeleteChunksInput,
  DeleteChunksPayload,
} from './chunk-mutations.inputs.js';
import { DocumentChunk } from './chunk.entity.js';
import { addChunks, deleteChunks } from './chunk.service.js';

@Resolver()
export class ChunkMutationsResolver {
  @Requires('write')
  @Mutation(() => AddChunksPayload, {
    nullable: true,
    description:
      'Adds chunks to a document, with supplied vectors or with vectors that Weaver computes.',
  })
  async addChunks(
    @InputArg(() => AddChunksInput) input: AddChunksInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<AddChunksPayload> {
    const { tenantId, documentId, ids } = await addChunks(context, context.caller, input);
    const [document, chunks] = await Promise.all([
      payloadRow(context, info, 'document', Document, { id: documentId, tenantId }),
      Promise.all(
        ids.map(id => payloadRow(context, info, 'chunks', DocumentChunk, { id, tenantId })),
      ),
    ]);
    return { document, chunks };
  }

  @Requires('write')
  @Mutation(() => DeleteChunksPayload, {
    nullable: true,
    description: 'Deletes certain chunks, or all chunks of a document.',
  })
  deleteChunks(
    @InputArg(() => DeleteChunksInput) input: DeleteChunksInput,
    @Ctx() context: RequestContext,
  ): Promise<DeleteChunksPayload> {
    return deleteChunks(context, context.caller, input);
  }
}
