import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { BotQuery } from './bot-query.entity.js';

@ArgsType()
export class BotQueryListArgs extends listArgsOf(BotQuery, {
  things: 'bot queries',
  defaultOrder: 'newest first',
}) {}
