import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
  Trigger,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Field, ID, ObjectType } from 'type-graphql';
import { UserRole } from '../auth/principal.js';
import { NameType, TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { touchTrigger, tenantPolicies } from '../db/row-policies.js';
import { DateTimeFilter, IDFilter, StringFilter, enumFilter } from '../graphql/filters.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { emailInput } from './email-input.js';

const UserRoleFilter = enumFilter<UserRole>(UserRole, 'UserRole');

/**
 * A person of a tenant. The table is called `profiles`: `id` is the subject (`sub`) at the identity
 * provider.
 */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'A person who works in a tenant.',
})
@Entity({ tableName: 'profiles', ...tenantPolicies('tenant_id') })
@Unique({ name: 'profiles_email_unique', properties: ['tenant', 'email'] })
@Index({ name: 'profiles_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({
  name: 'profiles_email_one_user',
  expression:
    'create unique index profiles_email_one_user on profiles (tenant_id, ' +
    '"left"(weaver_fold(email), 600))',
})
@Index({
  name: 'profiles_in_alphabet',
  expression:
    'create index profiles_in_alphabet on profiles (tenant_id, weaver_sort_key(email), id)',
})
@Check({ name: 'profiles_email_not_empty', expression: 'char_length(email::text) >= 1' })
@Check({ name: 'profiles_role_known', expression: `role in ('owner', 'admin', 'member')` })
@Check(calendarTimes('profiles', 'created_at', 'updated_at'))
@Trigger({
  name: 'profiles_keep_last_owner_on_delete',
  timing: 'before',
  events: ['delete'],
  expression:
    'create trigger profiles_keep_last_owner_on_delete before delete on profiles ' +
    "for each row when (old.role = 'owner') execute function weaver_keep_last_owner()",
})
@Trigger({
  name: 'profiles_keep_last_owner_on_update',
  timing: 'before',
  events: ['update'],
  expression:
    'create trigger profiles_keep_last_owner_on_update before update on profiles ' +
    "for each row when (old.role = 'owner' and (new.role <> 'owner' " +
    'or new.tenant_id <> old.tenant_id)) execute function weaver_keep_last_owner()',
})
@Trigger(touchTrigger('profiles'))
export class User {
  @Field(() => ID, {
    description: "The user's UUID, which is also their subject at the identity provider.",
  })
  @Filterable(() => IDFilter, "The user's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @ManyToOne({ entity: () => Tenant, ref: true, deleteRule: 'cascade', index: false })
  tenant!: Ref<Tenant>;

  @Field(() => String, {
    description: "The user's e-mail address, unique within the tenant, ignoring case.",
  })
  @Filterable(() => StringFilter, 'The e-mail address.')
  @Sortable('The e-mail address.')
  @Settable(() => String, {
    create:
      'The e-mail address, at most 255 characters, unique within the tenant, ignoring case. ' +
      'An international domain is stored in Unicode.',
    update:
      'A new e-mail address, at most 255 characters, unique within the tenant, ignoring case. ' +
      'An international domain is stored in Unicode.',
    isRequired: true,
    check: emailInput,
  })
  @Property({ type: NameType, length: 255 })
  email!: string;

  @Field(() => UserRole, { description: 'What the user may do.' })
  @Filterable(() => UserRoleFilter, 'The role.')
  @Sortable('The role, by its name.')
  @Settable(() => UserRole, {
    create: 'The role. Only owners and the operator can create owners.',
    update:
      'A new role. Only owners and the operator can create or change owners; the last ' +
      'owner must remain an owner.',
    defaultValue: UserRole.MEMBER,
  })
  @Property({ type: 'string', length: 50, default: 'member' })
  role!: UserRole & Opt;

  @Field(() => DateTimeScalar, { description: 'When the user was added.' })
  @Filterable(() => DateTimeFilter, 'When the user was added.')
  @Sortable('When the user was added.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the user was last changed.' })
  @Filterable(() => DateTimeFilter, 'When the user was last changed.')
  @Sortable('When the user was last changed.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  updatedAt!: string & Opt;
}
