import { connectionOf } from '../graphql/connection.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList } from '../graphql/list.js';
import { BotQuery } from './bot-query.entity.js';

export const BotQueryConnection = connectionOf(BotQuery, 'bot queries');
export const botQueries = defineList({
  name: 'botQueries',
  entity: BotQuery,
  defaultOrder: NEWEST_FIRST,
});
export const botQueriesOfBot = defineList({
  name: 'botQueriesOfBot',
  entity: BotQuery,
  parentId: 'botId',
  defaultOrder: NEWEST_FIRST,
});
export const botQueriesOfApiKey = defineList({
  name: 'botQueriesOfApiKey',
  entity: BotQuery,
  parentId: 'apiKeyId',
  defaultOrder: NEWEST_FIRST,
});
