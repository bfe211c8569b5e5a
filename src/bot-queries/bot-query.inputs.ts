import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  DateTimeFilter,
  IDFilter,
  IntFilter,
  StringFilter,
  enumFilter,
  type EnumFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';
import { Confidence } from './bot-query.entity.js';

enum BotQueryOrderField {
  CREATED_AT = 'createdAt',
  LATENCY_MS = 'latencyMs',
  CONFIDENCE = 'confidence',
}
registerEnumType(BotQueryOrderField, {
  name: 'BotQueryOrderField',
  description: 'What bot queries can be ordered by.',
  valuesConfig: {
    CREATED_AT: { description: 'When it was asked.' },
    LATENCY_MS: { description: 'How long the answer took.' },
    CONFIDENCE: { description: 'How sure the bot was, by name.' },
  },
});

const ConfidenceFilter = enumFilter<Confidence>(Confidence, 'Confidence');

@InputType({ description: 'Which bot queries to list. All conditions must hold.' })
export class BotQueryFilter {
  @Field(() => IDFilter, { nullable: true, description: "The query's id." })
  id?: IDFilter | null;
  @Field(() => IDFilter, { nullable: true, description: 'The id of the bot that was asked.' })
  botId?: IDFilter | null;
  @Field(() => IDFilter, {
    nullable: true,
    description: 'The id of the key that logged the question.',
  })
  apiKeyId?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'What was asked.' })
  query?: StringFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'What the bot answered.' })
  answer?: StringFilter | null;
  @Field(() => ConfidenceFilter, { nullable: true, description: 'How sure the bot was.' })
  confidence?: EnumFilter<Confidence> | null;
  @Field(() => IntFilter, {
    nullable: true,
    description: 'How long the answer took, in milliseconds.',
  })
  latencyMs?: RangeFilter<number> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was asked.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => [BotQueryFilter], { nullable: true, description: AND })
  and?: BotQueryFilter[] | null;
  @Field(() => [BotQueryFilter], { nullable: true, description: OR })
  or?: BotQueryFilter[] | null;
  @Field(() => BotQueryFilter, { nullable: true, description: NOT })
  not?: BotQueryFilter | null;
}

const BotQueryOrderBy = orderByOf(BotQueryOrderField, 'BotQuery');

@ArgsType()
export class BotQueryListArgs extends PageArgs {
  @Field(() => BotQueryFilter, {
    nullable: true,
    description: 'Only bot queries for which this holds.',
  })
  filter?: BotQueryFilter | null;
  @Field(() => [BotQueryOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; newest first by default.',
  })
  orderBy?: OrderBy[] | null;
}
