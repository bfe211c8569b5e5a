import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import type { BotQuery } from './bot-query.entity.js';
import { BotQueryListArgs } from './bot-query.inputs.js';
import { botQueriesOfApiKey, BotQueryConnection } from './bot-query.lists.js';

/** Adds `ApiKey.botQueries`. */
@Resolver(() => ApiKey)
export class ApiKeyBotQueriesResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => BotQueryConnection, {
    description: 'The questions that were logged with the key.',
  })
  botQueries(
    @Root() parents: readonly Parent[],
    @Args(() => BotQueryListArgs) args: BotQueryListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<BotQuery>[]> {
    return botQueriesOfApiKey.pages(context, info, args, parents);
  }
}
