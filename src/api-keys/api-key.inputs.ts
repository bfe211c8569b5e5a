import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { ApiKeyScope } from '../auth/principal.js';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  BooleanFilter,
  DateTimeFilter,
  IDFilter,
  IntFilter,
  StringFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';

enum ApiKeyOrderField {
  NAME = 'name',
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
  EXPIRES_AT = 'expiresAt',
  LAST_USED_AT = 'lastUsedAt',
}
registerEnumType(ApiKeyOrderField, {
  name: 'ApiKeyOrderField',
  description: 'What API keys can be ordered by.',
  valuesConfig: {
    NAME: { description: 'What it is for.' },
    CREATED_AT: { description: 'When it was created.' },
    UPDATED_AT: { description: 'When it was last changed.' },
    EXPIRES_AT: { description: 'When it expires.' },
    LAST_USED_AT: { description: 'When it was last used.' },
  },
});

@InputType({ description: 'Compares what an API key may do.' })
export class ApiKeyScopesFilter {
  @Field(() => [ApiKeyScope], { nullable: true, description: 'Has at least all of these.' })
  contains?: ApiKeyScope[] | null;
}

@InputType({ description: 'Which API keys to list. All conditions must hold.' })
export class ApiKeyFilter {
  @Field(() => IDFilter, { nullable: true, description: "The key's id." })
  id?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'What the key is for.' })
  name?: StringFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The first characters of the key.' })
  prefix?: StringFilter | null;
  @Field(() => ApiKeyScopesFilter, { nullable: true, description: 'What it may do.' })
  scopes?: ApiKeyScopesFilter | null;
  @Field(() => IntFilter, {
    nullable: true,
    description: 'The maximum number of requests a minute.',
  })
  rateLimitRpm?: RangeFilter<number> | null;
  @Field(() => BooleanFilter, { nullable: true, description: 'Whether it was revoked.' })
  revoked?: BooleanFilter | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it expires.' })
  expiresAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was last used.' })
  lastUsedAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was created.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was last changed.' })
  updatedAt?: RangeFilter<string> | null;
  @Field(() => [ApiKeyFilter], { nullable: true, description: AND })
  and?: ApiKeyFilter[] | null;
  @Field(() => [ApiKeyFilter], { nullable: true, description: OR })
  or?: ApiKeyFilter[] | null;
  @Field(() => ApiKeyFilter, { nullable: true, description: NOT })
  not?: ApiKeyFilter | null;
}

const ApiKeyOrderBy = orderByOf(ApiKeyOrderField, 'ApiKey');

@ArgsType()
export class ApiKeyListArgs extends PageArgs {
  @Field(() => ApiKeyFilter, { nullable: true, description: 'Only API keys for which this holds.' })
  filter?: ApiKeyFilter | null;
  @Field(() => [ApiKeyOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; newest first by default.',
  })
  orderBy?: OrderBy[] | null;
}
