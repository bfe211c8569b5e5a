import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import { RecordBotQueryInput, RecordBotQueryPayload } from './bot-query-mutations.inputs.js';
import { BotQuery } from './bot-query.entity.js';
import { recordBotQuery } from './bot-query.service.js';

@Resolver()
export class BotQueryMutationsResolver {
  @Requires('ask')
  @Mutation(() => RecordBotQueryPayload, {
    nullable: true,
    description:
      'Logs a question that another program asked a bot, under the API key of the request.',
  })
  async recordBotQuery(
    @InputArg(() => RecordBotQueryInput) input: RecordBotQueryInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RecordBotQueryPayload> {
    const made = await recordBotQuery(context, context.caller, input);
    return { botQuery: await payloadRow(context, info, 'botQuery', BotQuery, made) };
  }
}
