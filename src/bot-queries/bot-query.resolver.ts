import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Query, Resolver, Root } from 'type-graphql';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRow } from '../graphql/row-by-id.js';
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
  ): PromiseLike<Connection<BotQuery>> {
    return botQueries.page(context, info, args);
  }

  @Requires('read')
  @FieldResolver(() => Bot, { description: 'The bot that was asked.' })
  bot(
    @Root() query: Parent & { botId: string },
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Bot | PromiseLike<Bot | null> {
    return relatedRow(context, info, Bot, query.tenantId, query.botId);
  }

  @Requires('read')
  @FieldResolver(() => ApiKey, {
    nullable: true,
    description: 'The key that logged the question; null if there was none or it has been deleted.',
  })
  apiKey(
    @Root() query: Parent & { apiKeyId: string | null },
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): ApiKey | PromiseLike<ApiKey | null> | null {
    return query.apiKeyId === null
      ? null
      : relatedRow(context, info, ApiKey, query.tenantId, query.apiKeyId);
  }

  @Requires('read')
  @FieldResolver(() => Tenant, { description: 'The tenant whose bot was asked.' })
  tenant(
    @Root() query: Parent,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Tenant | PromiseLike<Tenant | null> {
    return relatedRow(context, info, Tenant, query.tenantId, query.tenantId);
  }
}
