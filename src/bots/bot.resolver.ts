import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows, rowById } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { Bot } from './bot.entity.js';
import { BotListArgs } from './bot.inputs.js';
import { BotConnection, bots } from './bot.lists.js';

@Resolver(() => Bot)
export class BotResolver {
  @Requires('read')
  @Query(() => Bot, {
    nullable: true,
    description: 'A bot by its id. Null if your tenant has no bot with this id.',
  })
  bot(
    @Arg('id', () => ID, { description: "The bot's UUID." }) id: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Bot | null> {
    return rowById(context, info, Bot, uuidInput('id', id));
  }

  @Requires('read')
  @Query(() => BotConnection, {
    description: "Your tenant's bots; for the operator, those of all tenants.",
  })
  bots(
    @Args(() => BotListArgs) args: BotListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Bot>> {
    return bots.page(context, info, args);
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant that the bot belongs to.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
