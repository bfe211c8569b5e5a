import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Document } from '../documents/document.entity.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRow, rowById } from '../graphql/row-by-id.js';
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
  @FieldResolver(() => Document, { description: 'The document that the passage is from.' })
  document(
    @Root() chunk: Parent & { documentId: string },
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Document | PromiseLike<Document | null> {
    return relatedRow(context, info, Document, chunk.tenantId, chunk.documentId);
  }

  @Requires('read', 'search')
  @FieldResolver(() => Bot, { description: 'The bot that answers from the passage.' })
  bot(
    @Root() chunk: Parent & { botId: string },
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Bot | PromiseLike<Bot | null> {
    return relatedRow(context, info, Bot, chunk.tenantId, chunk.botId);
  }

  @Requires('read')
  @FieldResolver(() => Tenant, { description: 'The tenant that the passage belongs to.' })
  tenant(
    @Root() chunk: Parent,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Tenant | PromiseLike<Tenant | null> {
    return relatedRow(context, info, Tenant, chunk.tenantId, chunk.tenantId);
  }
}
