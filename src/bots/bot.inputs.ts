import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { Bot } from './bot.entity.js';

@ArgsType()
export class BotListArgs extends listArgsOf(Bot, {
  things: 'bots',
  defaultOrder: 'oldest first',
}) {}
