import type { Opt } from '@mikro-orm/core';
import { Check, Entity, Index, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { AuditActorKind } from '../auth/caller.js';
import { TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { tenantPolicies } from '../db/row-policies.js';
import { DateTimeFilter, IDFilter, StringFilter, enumFilter } from '../graphql/filters.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';

registerEnumType(AuditActorKind, {
  name: 'AuditActorKind',
  description: 'What kind of caller did something.',
  valuesConfig: {
    API_KEY: { description: 'A program with an API key of the tenant.' },
    USER: { description: 'A person of the tenant.' },
    OPERATOR: { description: 'The operator, over HTTP.' },
    COMMAND_LINE: { description: "Somebody on the gateway's command line." },
  },
});

const AuditActorKindFilter = enumFilter<AuditActorKind>(AuditActorKind, 'AuditActorKind');

/**
 * An entry of the audit log. It has no foreign keys, so that it outlives the rows that it names.
 * The database lets nobody change it.
 */
@ObjectType({
  simpleResolvers: true,
  description:
    'A recorded change of a tenant: every change of keys and users, and every change by ' +
    'the operator. Events remain after the tenant is deleted.',
})
@Entity({ tableName: 'audit_log', ...tenantPolicies('tenant_id') })
@Index({ name: 'audit_log_by_creation', properties: ['tenantId', 'createdAt', 'id'] })
@Index({ name: 'audit_log_of_all_by_creation', properties: ['createdAt', 'id'] })
@Check({
  name: 'audit_log_actor_known',
  expression: `actor_kind in ('api_key', 'user', 'operator', 'command_line')`,
})
@Check({ name: 'audit_log_details_is_object', expression: `jsonb_typeof(details) = 'object'` })
@Check(calendarTimes('audit_log', 'created_at'))
export class AuditEvent {
  @Field(() => ID, { description: "The event's UUID." })
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @Field(() => ID, {
    description: 'The tenant that was changed, which may have been deleted since.',
  })
  @Filterable(() => IDFilter, 'The tenant that was changed.')
  @Property({ type: 'uuid' })
  tenantId!: string;

  @Field(() => AuditActorKind, { description: 'What kind of caller did it.' })
  @Filterable(() => AuditActorKindFilter, 'What kind of caller did it.')
  @Property({ type: 'string', length: 20 })
  actorKind!: AuditActorKind;

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the key or the user who did it; null for the operator and the command ' +
      'line, who have none.',
  })
  @Filterable(() => IDFilter, 'The key or the user who did it.')
  @Property({ type: 'uuid', nullable: true })
  actorId?: string | null;

  @Field(() => String, {
    description: 'The action, usually the name of the mutation, such as `revokeApiKey`.',
  })
  @Filterable(() => StringFilter, 'The action.')
  @Property({ type: 'string', length: 100 })
  action!: string;

  @Field(() => String, { description: 'The type of the changed object, such as `ApiKey`.' })
  @Filterable(() => StringFilter, 'The type of the changed object.')
  @Property({ type: 'string', length: 100 })
  targetType!: string;

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the changed object, which may have been deleted since. Null if it has none.',
  })
  @Filterable(() => IDFilter, 'The id of the changed object.')
  @Property({ type: 'uuid', nullable: true })
  targetId?: string | null;

  @Field(() => JSONObjectScalar, {
    description: 'Further details, such as the role before and after. Contains no secrets.',
  })
  @Property({ type: 'json', columnType: 'jsonb', defaultRaw: `'{}'` })
  details!: Record<string, unknown> & Opt;

  @Field(() => String, {
    nullable: true,
    description: "The request's id, which is in the gateway's log too; null for the command line.",
  })
  @Filterable(() => StringFilter, "The request's id.")
  @Property({ type: 'string', length: 100, nullable: true })
  requestId?: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was done.' })
  @Filterable(() => DateTimeFilter, 'When it was done.')
  @Sortable('When it was done.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;
}
