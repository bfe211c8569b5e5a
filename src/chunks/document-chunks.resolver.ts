import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Int, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Document } from '../documents/document.entity.js';
import { Batch } from '../graphql/batch.js';
import { connectionOf, type Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { defineList, type Parent } from '../graphql/list.js';
import { OrderDirection } from '../graphql/order.js';
import { chunkCountsOf } from './chunk-counts.js';
import { DocumentChunk } from './chunk.entity.js';
import { DocumentChunkListArgs } from './chunk.inputs.js';
import { DocumentProgress } from './document-progress.type.js';

const DocumentChunkConnection = connectionOf(DocumentChunk, 'chunks');
const chunksOfDocument = defineList({
  name: 'chunksOfDocument',
  entity: DocumentChunk,
  parentId: 'documentId',
  defaultOrder: [{ field: 'chunkIndex', direction: OrderDirection.ASC }],
});

/** Adds `Document.chunks`, `chunkCount` and `progress`. */
@Resolver(() => Document)
export class DocumentChunksResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => DocumentChunkConnection, {
    description: "The document's passages, in the order of its text.",
  })
  chunks(
    @Root() parents: readonly Parent[],
    @Args(() => DocumentChunkListArgs) args: DocumentChunkListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<DocumentChunk>[]> {
    return chunksOfDocument.pages(context, info, args, parents);
  }

  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => Int, { description: 'How many chunks the document was split into.' })
  async chunkCount(
    @Root() documents: readonly Parent[],
    @Ctx() context: RequestContext,
  ): Promise<number[]> {
    const counts = await Promise.all(documents.map(one => chunkCountsOf(context).load(one)));
    return counts.map(({ chunkCount }) => chunkCount);
  }

  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => DocumentProgress, {
    description: 'How much of the document a search by meaning can find.',
  })
  progress(
    @Root() documents: readonly Parent[],
    @Ctx() context: RequestContext,
  ): Promise<(DocumentProgress | Error)[]> {
    return chunkCountsOf(context).loadMany(documents);
  }
}
