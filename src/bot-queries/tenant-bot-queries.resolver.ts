import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import type { BotQuery } from './bot-query.entity.js';
import { BotQueryListArgs } from './bot-query.inputs.js';
import { botQueries, BotQueryConnection } from './bot-query.lists.js';

/** Adds `Tenant.botQueries`. */
@Resolver(() => Tenant)
export class TenantBotQueriesResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => BotQueryConnection, {
    description: "The questions that the tenant's bots were asked.",
  })
  botQueries(
    @Root() parents: readonly Parent[],
    @Args(() => BotQueryListArgs) args: BotQueryListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<BotQuery>[]> {
    return botQueries.pages(context, info, args, parents);
  }
}
