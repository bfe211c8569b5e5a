import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows, rowById } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { Document } from './document.entity.js';
import { DocumentListArgs } from './document.inputs.js';
import { DocumentConnection, documents } from './document.lists.js';

@Resolver(() => Document)
export class DocumentResolver {
  @Requires('read')
  @Query(() => Document, {
    nullable: true,
    description: 'A document by its id. Null if your tenant has no document with this id.',
  })
  document(
    @Arg('id', () => ID, { description: "The document's UUID." }) id: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Document | null> {
    return rowById(context, info, Document, uuidInput('id', id));
  }

  @Requires('read')
  @Query(() => DocumentConnection, {
    description: "Your tenant's documents; for the operator, those of all tenants.",
  })
  documents(
    @Args(() => DocumentListArgs) args: DocumentListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Document>> {
    return documents.page(context, info, args);
  }

  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => Bot, { description: 'The bot that answers from the document.' })
  bot(
    @Root() parents: readonly (Parent & { botId: string })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Bot | null)[]> {
    return relatedRows(context, info, Bot, parents, 'botId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant that the document belongs to.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
