import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { statsOfBot, statsOfTenant, usageOfTenant } from './stats.loaders.js';
import { BotStats, TenantStats, TenantUsage } from './stats.types.js';

/** Adds `Tenant.stats` and `Tenant.usage`. */
@Resolver(() => Tenant)
export class TenantStatsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => TenantStats, {
    description: "Numbers of the tenant's objects, counted now.",
  })
  stats(
    @Root() tenants: readonly Parent[],
    @Ctx() context: RequestContext,
  ): Promise<(TenantStats | Error)[]> {
    return statsOfTenant(context).loadMany(tenants);
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => TenantUsage, { description: "The tenant's usage, calculated now." })
  usage(
    @Root() tenants: readonly Parent[],
    @Ctx() context: RequestContext,
  ): Promise<(TenantUsage | Error)[]> {
    return usageOfTenant(context).loadMany(tenants);
  }
}

/** Adds `Bot.stats`. */
@Resolver(() => Bot)
export class BotStatsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => BotStats, {
    description: 'Numbers of documents, chunks and queries of the bot, counted now.',
  })
  stats(
    @Root() bots: readonly Parent[],
    @Ctx() context: RequestContext,
  ): Promise<(BotStats | Error)[]> {
    return statsOfBot(context).loadMany(bots);
  }
}
