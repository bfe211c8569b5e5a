import type { Opt } from '@mikro-orm/core';
import { Check, Entity, Index, PrimaryKey, Property, Trigger } from '@mikro-orm/decorators/legacy';
import { Field, ID, ObjectType } from 'type-graphql';
import { NameType, TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { tenantPolicies } from '../db/row-policies.js';
import { BigIntFilter, DateTimeFilter, IDFilter, StringFilter } from '../graphql/filters.js';
import { lineInput } from '../graphql/input-checks.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { BigIntScalar, DateTimeScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description:
    'A customer, who owns bots with their documents and chunks. Other tenants cannot see them.',
})
@Entity({ tableName: 'tenants', ...tenantPolicies('id') })
@Index({ name: 'tenants_by_creation', properties: ['createdAt', 'id'] })
@Index({ name: 'tenants_by_name', properties: ['name', 'id'] })
@Index({
  name: 'tenants_in_alphabet',
  expression: 'create index tenants_in_alphabet on tenants (weaver_sort_key(name), id)',
})
@Check({ name: 'tenants_name_not_empty', expression: 'char_length(name::text) >= 1' })
@Check({ name: 'tenants_plan_tier_not_empty', expression: 'char_length(plan_tier::text) >= 1' })
@Check({ name: 'tenants_storage_not_negative', expression: 'storage_used_bytes >= 0' })
@Check(calendarTimes('tenants', 'created_at', 'updated_at'))
@Trigger({
  name: 'tenants_touch_updated_at',
  timing: 'before',
  events: ['update'],
  expression:
    'create trigger tenants_touch_updated_at before update on tenants for each row ' +
    'when (new.storage_used_bytes = old.storage_used_bytes or new.name <> old.name ' +
    'or new.plan_tier <> old.plan_tier) execute function weaver_touch_updated_at()',
})
@Trigger({
  name: 'tenants_keep_storage',
  timing: 'before',
  events: ['update'],
  expression:
    'create trigger tenants_keep_storage before update of storage_used_bytes on tenants ' +
    'for each row when (pg_trigger_depth() = 0) execute function weaver_keep_storage()',
})
@Trigger({
  name: 'tenants_create_bot',
  timing: 'after',
  events: ['insert'],
  expression:
    'create trigger tenants_create_bot after insert on tenants for each row ' +
    'execute function weaver_create_bot_of_tenant()',
})
export class Tenant {
  @Field(() => ID, { description: "The tenant's UUID." })
  @Filterable(() => IDFilter, "The tenant's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @Field(() => String, { description: "The tenant's name, 1 to 255 characters." })
  @Filterable(() => StringFilter, "The tenant's name.")
  @Sortable('Its name.')
  @Settable(() => String, {
    create: "The tenant's name, 1 to 255 characters.",
    update: 'A new name, 1 to 255 characters.',
    isRequired: true,
    isAudited: true,
    check: (field, name: string) => lineInput(field, name, 255),
  })
  @Property({ type: NameType, length: 255 })
  name!: string;

  @Field(() => String, {
    description: 'The plan that the tenant pays for, such as `free` or `business`.',
  })
  @Filterable(() => StringFilter, 'The plan.')
  @Settable(() => String, {
    create: 'The plan that the tenant pays for, 1 to 50 characters; `free` if omitted.',
    update: 'Another plan, 1 to 50 characters. Only for the operator.',
    isAudited: true,
    check: (field, plan: string) => lineInput(field, plan, 50),
  })
  @Property({ type: 'string', length: 50, default: 'free' })
  planTier!: string & Opt;

  @Field(() => BigIntScalar, {
    description:
      "Total size of the tenant's documents and uploads in bytes, maintained by the database. An " +
      'upload counts with its declared size until its document counts in its place.',
  })
  @Filterable(() => BigIntFilter, 'Total size of its documents and uploads in bytes.')
  @Sortable('Total size of its documents and uploads in bytes.')
  @Property({ type: 'bigint', defaultRaw: '0' })
  storageUsedBytes!: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the tenant was created.' })
  @Filterable(() => DateTimeFilter, 'When it was created.')
  @Sortable('When it was created.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, {
    description: 'When the tenant was last changed. Changes to its documents do not count.',
  })
  @Filterable(() => DateTimeFilter, 'When it was last changed.')
  @Sortable('When it was last changed.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  updatedAt!: string & Opt;
}
