import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { relatedRow } from '../graphql/row-by-id.js';
import { CreateTenantPayload } from '../tenants/tenant-mutations.inputs.js';
import { Bot } from './bot.entity.js';
import { oldestBotId } from './bot.queries.js';

/** Adds `CreateTenantPayload.bot`. */
@Resolver(() => CreateTenantPayload)
export class CreatedTenantBotResolver {
  @Requires('operator')
  @FieldResolver(() => Bot, { description: 'The bot that was created with the tenant.' })
  async bot(
    @Root() { tenant }: CreateTenantPayload,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Bot | null> {
    const botId = await oldestBotId(context.reads, tenant.id);
    return relatedRow(context, info, Bot, tenant.id, botId);
  }
}
