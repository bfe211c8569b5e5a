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
    description: 'How much the tenant has of everything, counted now.',
  })
  stats(@Root() tenant: Parent, @Ctx() context: RequestContext): Promise<TenantStats> {
    return statsOfTenant(context).load(tenant);
  }

  @Requires('read')
  @FieldResolver(() => TenantUsage, { description: 'What the tenant has used, added up now.' })
  usage(@Root() tenant: Parent, @Ctx() context: RequestContext): Promise<TenantUsage> {
    return usageOfTenant(context).load(tenant);
  }
}

/** Adds `Bot.stats`. */
@Resolver(() => Bot)
export class BotStatsResolver {
  @Requires('read')
  @FieldResolver(() => BotStats, {
    description: 'How much the bot knows and how it did, counted now.',
  })
  stats(@Root() bot: Parent, @Ctx() context: RequestContext): Promise<BotStats> {
    return statsOfBot(context).load(bot);
  }
}
