import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Query, Resolver, Root } from 'type-graphql';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows } from '../graphql/row-by-id.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { BotQuery } from './bot-query.entity.js';
import { BotQueryListArgs } from './bot-query.inputs.js';
import { botQueries, BotQueryConnection } from './bot-query.lists.js';

@Resolver(() => BotQuery)
export class BotQueryResolver {
  @Requires('read')
  @Query(() => BotQueryConnection, {
    description:
      "The questions that your tenant's bots were asked; for the operator, those of all tenants.",
  })
  botQueries(
    @Args(() => BotQueryListArgs) args: BotQueryListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<BotQuery>> {
    return botQueries.page(context, info, args);
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Bot, { description: 'The bot that was asked.' })
  bot(
    @Root() parents: readonly (Parent & { botId: string })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Bot | null)[]> {
    return relatedRows(context, info, Bot, parents, 'botId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => ApiKey, {
    nullable: true,
    description: 'The key that logged the question; null if there was none or it has been deleted.',
  })
  apiKey(
    @Root() parents: readonly (Parent & { apiKeyId: string | null })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(ApiKey | null)[]> {
    return relatedRows(context, info, ApiKey, parents, 'apiKeyId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant whose bot was asked.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
