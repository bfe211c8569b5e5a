import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Document } from '../documents/document.entity.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows, rowById } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { DocumentChunk } from './chunk.entity.js';

@Resolver(() => DocumentChunk)
export class ChunkResolver {
  @Requires('read')
  @Query(() => DocumentChunk, {
    nullable: true,
    description: 'A chunk by its id. Null if your tenant has no chunk with this id.',
  })
  chunk(
    @Arg('id', () => ID, { description: "The chunk's UUID." }) id: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DocumentChunk | null> {
    return rowById(context, info, DocumentChunk, uuidInput('id', id));
  }

  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => Document, { description: 'The document that the passage is from.' })
  document(
    @Root() parents: readonly (Parent & { documentId: string })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Document | null)[]> {
    return relatedRows(context, info, Document, parents, 'documentId');
  }

  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => Bot, { description: 'The bot that answers from the passage.' })
  bot(
    @Root() parents: readonly (Parent & { botId: string })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Bot | null)[]> {
    return relatedRows(context, info, Bot, parents, 'botId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant that the passage belongs to.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
