import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  DateTimeFilter,
  IDFilter,
  JSONObjectFilter,
  StringFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';

enum BotOrderField {
  NAME = 'name',
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
}
registerEnumType(BotOrderField, {
  name: 'BotOrderField',
  description: 'What bots can be ordered by.',
  valuesConfig: {
    NAME: { description: 'Its name.' },
    CREATED_AT: { description: 'When it was created.' },
    UPDATED_AT: { description: 'When it was last changed.' },
  },
});

@InputType({ description: 'Which bots to list. All conditions must hold.' })
export class BotFilter {
  @Field(() => IDFilter, { nullable: true, description: "The bot's id." })
  id?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: "The bot's name." })
  name?: StringFilter | null;
  @Field(() => JSONObjectFilter, { nullable: true, description: 'How the bot is configured.' })
  config?: JSONObjectFilter | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was created.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was last changed.' })
  updatedAt?: RangeFilter<string> | null;
  @Field(() => [BotFilter], { nullable: true, description: AND })
  and?: BotFilter[] | null;
  @Field(() => [BotFilter], { nullable: true, description: OR })
  or?: BotFilter[] | null;
  @Field(() => BotFilter, { nullable: true, description: NOT })
  not?: BotFilter | null;
}

const BotOrderBy = orderByOf(BotOrderField, 'Bot');

@ArgsType()
export class BotListArgs extends PageArgs {
  @Field(() => BotFilter, { nullable: true, description: 'Only bots for which this holds.' })
  filter?: BotFilter | null;
  @Field(() => [BotOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; oldest first by default.',
  })
  orderBy?: OrderBy[] | null;
}
