import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import type { BotQuery } from './bot-query.entity.js';
import { BotQueryListArgs } from './bot-query.inputs.js';
import { botQueriesOfBot, BotQueryConnection } from './bot-query.lists.js';

/** Adds `Bot.botQueries`. */
@Resolver(() => Bot)
export class BotBotQueriesResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => BotQueryConnection, { description: 'The questions that the bot was asked.' })
  botQueries(
    @Root() parents: readonly Parent[],
    @Args(() => BotQueryListArgs) args: BotQueryListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<BotQuery>[]> {
    return botQueriesOfBot.pages(context, info, args, parents);
  }
}
