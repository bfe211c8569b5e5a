import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { v7 } from 'uuid';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { checkConfirm, countBelow, DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import {
  changeInput,
  jsonInput,
  namedChanges,
  tenantInput,
  lineInput,
} from '../graphql/input-checks.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import {
  CreateBotInput,
  CreateBotPayload,
  DeleteBotInput,
  MAX_NAME_LENGTH,
  UpdateBotInput,
  UpdateBotPayload,
} from './bot-mutations.inputs.js';
import { Bot } from './bot.entity.js';

const nameInput = (name: string): string => lineInput('input.name', name, MAX_NAME_LENGTH);
const configInput = (config: Record<string, unknown>): Record<string, unknown> =>
  jsonInput('input.config', config);

@Resolver()
export class BotMutationsResolver {
  @Requires('write')
  @Mutation(() => CreateBotPayload, { nullable: true, description: 'Creates a bot.' })
  async createBot(
    @InputArg(() => CreateBotInput) input: CreateBotInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateBotPayload> {
    const tenantId = tenantInput(context, input.tenantId);
    const bot = { name: nameInput(input.name), config: configInput(input.config ?? {}) };
    const made = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const id = v7();
        await em.insert(Bot, { ...bot, id, tenant: tenantId });
        return { id, tenantId };
      },
    });
    return { bot: await writtenRow(context, info, 'bot', Bot, made) };
  }

  @Requires('write')
  @Mutation(() => UpdateBotPayload, { nullable: true, description: 'Changes a bot.' })
  async updateBot(
    @InputArg(() => UpdateBotInput) input: UpdateBotInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateBotPayload> {
    const changes = namedChanges({
      name: changeInput('input.name', input.name, nameInput),
      config: changeInput('input.config', input.config, configInput),
    });
    const changed = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const { id, tenantId } = await lockedRow(em, context, Bot, input);
        if (changes) await em.nativeUpdate(Bot, { id, tenant: tenantId }, changes);
        return { id, tenantId };
      },
    });
    return { bot: await writtenRow(context, info, 'bot', Bot, changed) };
  }

  @Requires('write')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description:
      'Deletes a bot with its documents, their chunks and its logged queries. The last ' +
      'bot of a tenant stays.',
  })
  deleteBot(
    @InputArg(() => DeleteBotInput) input: DeleteBotInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DeletionPayload> {
    return mutate<DeletionPayload>(context, info, {
      input,
      async work(em) {
        const bot = await lockedRow<{ name: string }>(em, context, Bot, input, {
          properties: ['name'],
          forDelete: !input.dryRun,
        });
        const counts = await countBelow(em, context, info, 'bot', bot);
        if (input.dryRun) return { deletedId: null, counts };
        checkConfirm(input.confirm, bot.name);
        await em.nativeDelete(Bot, { id: bot.id, tenant: bot.tenantId });
        return { deletedId: bot.id, counts };
      },
    });
  }
}
