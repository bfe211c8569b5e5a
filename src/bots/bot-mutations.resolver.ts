import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CreateBotInput,
  CreateBotPayload,
  DeleteBotInput,
  UpdateBotInput,
  UpdateBotPayload,
} from './bot-mutations.inputs.js';
import { Bot } from './bot.entity.js';
import { createBot, deleteBot, updateBot } from './bot.service.js';

@Resolver()
export class BotMutationsResolver {
  @Requires('write')
  @Mutation(() => CreateBotPayload, { nullable: true, description: 'Creates a bot.' })
  async createBot(
    @InputArg(() => CreateBotInput) input: CreateBotInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateBotPayload> {
    const made = await createBot(context, context.caller, input);
    return { bot: await payloadRow(context, info, 'bot', Bot, made) };
  }

  @Requires('write')
  @Mutation(() => UpdateBotPayload, { nullable: true, description: 'Changes a bot.' })
  async updateBot(
    @InputArg(() => UpdateBotInput) input: UpdateBotInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateBotPayload> {
    const changed = await updateBot(context, context.caller, input);
    return { bot: await payloadRow(context, info, 'bot', Bot, changed) };
  }

  @Requires('write')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description:
      'Deletes a bot with its documents, their chunks and its logged queries. The last ' +
      'bot of a tenant cannot be deleted.',
  })
  deleteBot(
    @InputArg(() => DeleteBotInput) input: DeleteBotInput,
    @Ctx() context: RequestContext,
  ): Promise<DeletionPayload> {
    return deleteBot(context, context.caller, input);
  }
}
