import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  DateTimeFilter,
  IDFilter,
  StringFilter,
  enumFilter,
  type EnumFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';
import { AuditActorKind } from '../auth/caller.js';

enum AuditEventOrderField {
  CREATED_AT = 'createdAt',
}
registerEnumType(AuditEventOrderField, {
  name: 'AuditEventOrderField',
  description: 'What events of the audit log can be ordered by.',
  valuesConfig: { CREATED_AT: { description: 'When it was done.' } },
});

const AuditActorKindFilter = enumFilter<AuditActorKind>(AuditActorKind, 'AuditActorKind');

@InputType({ description: 'Which events of the audit log to list. All conditions must hold.' })
export class AuditEventFilter {
  @Field(() => IDFilter, { nullable: true, description: 'The tenant that was changed.' })
  tenantId?: IDFilter | null;
  @Field(() => AuditActorKindFilter, { nullable: true, description: 'What kind of caller did it.' })
  actorKind?: EnumFilter<AuditActorKind> | null;
  @Field(() => IDFilter, { nullable: true, description: 'The key or the user who did it.' })
  actorId?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The action.' })
  action?: StringFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The type of the changed object.' })
  targetType?: StringFilter | null;
  @Field(() => IDFilter, { nullable: true, description: 'The id of the changed object.' })
  targetId?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: "The request's id." })
  requestId?: StringFilter | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was done.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => [AuditEventFilter], { nullable: true, description: AND })
  and?: AuditEventFilter[] | null;
  @Field(() => [AuditEventFilter], { nullable: true, description: OR })
  or?: AuditEventFilter[] | null;
  @Field(() => AuditEventFilter, { nullable: true, description: NOT })
  not?: AuditEventFilter | null;
}

const AuditEventOrderBy = orderByOf(AuditEventOrderField, 'AuditEvent');

@ArgsType()
export class AuditLogArgs extends PageArgs {
  @Field(() => AuditEventFilter, {
    nullable: true,
    description: 'Only events for which this holds.',
  })
  filter?: AuditEventFilter | null;
  @Field(() => [AuditEventOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; newest first by default.',
  })
  orderBy?: OrderBy[] | null;
}
