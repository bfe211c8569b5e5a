import { ArgsType, Field, ID, InputType, registerEnumType } from 'type-graphql';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  BigIntFilter,
  DateTimeFilter,
  IDFilter,
  StringFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';

enum TenantOrderField {
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
  NAME = 'name',
  STORAGE_USED_BYTES = 'storageUsedBytes',
}
registerEnumType(TenantOrderField, {
  name: 'TenantOrderField',
  description: 'What tenants can be ordered by.',
  valuesConfig: {
    CREATED_AT: { description: 'When it was created.' },
    UPDATED_AT: { description: 'When it was last changed.' },
    NAME: { description: 'Its name.' },
    STORAGE_USED_BYTES: { description: 'Total size of its documents in bytes.' },
  },
});

@InputType({ description: 'Which tenants to list. All conditions must hold.' })
export class TenantFilter {
  @Field(() => IDFilter, { nullable: true, description: "The tenant's id." })
  id?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: "The tenant's name." })
  name?: StringFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The plan.' })
  planTier?: StringFilter | null;
  @Field(() => BigIntFilter, {
    nullable: true,
    description: 'Total size of its documents in bytes.',
  })
  storageUsedBytes?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was created.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was last changed.' })
  updatedAt?: RangeFilter<string> | null;
  @Field(() => [TenantFilter], { nullable: true, description: AND })
  and?: TenantFilter[] | null;
  @Field(() => [TenantFilter], { nullable: true, description: OR })
  or?: TenantFilter[] | null;
  @Field(() => TenantFilter, { nullable: true, description: NOT })
  not?: TenantFilter | null;
}

const TenantOrderBy = orderByOf(TenantOrderField, 'Tenant');

@ArgsType()
export class TenantListArgs extends PageArgs {
  @Field(() => TenantFilter, { nullable: true, description: 'Only tenants for which this holds.' })
  filter?: TenantFilter | null;
  @Field(() => [TenantOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; newest first by default.',
  })
  orderBy?: OrderBy[] | null;
}

@ArgsType()
export class TenantArgs {
  @Field(() => ID, {
    nullable: true,
    description: "The tenant's id; your own tenant if omitted.",
  })
  id?: string | null;
}
