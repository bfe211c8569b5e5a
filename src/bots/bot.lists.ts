import { connectionOf } from '../graphql/connection.js';
import { defineList } from '../graphql/list.js';
import { OrderDirection } from '../graphql/order.js';
import { Bot } from './bot.entity.js';

export const BotConnection = connectionOf(Bot, 'bots');

/** Oldest first, as they were made: the bot that a tenant is born with leads. */
export const bots = defineList({
  name: 'bots',
  entity: Bot,
  defaultOrder: [{ field: 'createdAt', direction: OrderDirection.ASC }],
});
