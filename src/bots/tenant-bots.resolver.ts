import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { Bot } from './bot.entity.js';
import { BotListArgs } from './bot.inputs.js';
import { BotConnection, bots } from './bot.lists.js';

/** Adds `Tenant.bots`. */
@Resolver(() => Tenant)
export class TenantBotsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => BotConnection, {
    description: "The tenant's bots. There is always at least one.",
  })
  bots(
    @Root() parents: readonly Parent[],
    @Args(() => BotListArgs) args: BotListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Bot>[]> {
    return bots.pages(context, info, args, parents);
  }
}
