import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { statsOfBot, statsOfTenant, usageOfTenant } from './stats.loaders.js';
import { BotStats, TenantStats, TenantUsage } from './stats.types.js';

/** Adds `Tenant.stats` and `Tenant.usage`. */
@Resolver(() => Tenant)
export class TenantStatsResolver {
  @Requires('read')
  @FieldResolver(() => TenantStats, {
    description: "Numbers of the tenant's objects, counted now.",
  })
  stats(@Root() tenant: Parent, @Ctx() context: RequestContext): Promise<TenantStats> {
    return statsOfTenant(context).load(tenant);
  }

  @Requires('read')
  @FieldResolver(() => TenantUsage, { description: "The tenant's usage, calculated now." })
  usage(@Root() tenant: Parent, @Ctx() context: RequestContext): Promise<TenantUsage> {
    return usageOfTenant(context).load(tenant);
  }
}

/** Adds `Bot.stats`. */
@Resolver(() => Bot)
export class BotStatsResolver {
  @Requires('read')
  @FieldResolver(() => BotStats, {
    description: 'Numbers of documents, chunks and queries of the bot, counted now.',
  })
  stats(@Root() bot: Parent, @Ctx() context: RequestContext): Promise<BotStats> {
    return statsOfBot(context).load(bot);
  }
}
