import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { connectionOf, type Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList, type Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { AuditEvent } from './audit-event.entity.js';
import { AuditLogArgs } from './audit-event.inputs.js';

const AuditEventConnection = connectionOf(AuditEvent, 'events of the audit log');
const events = defineList({ name: 'auditLog', entity: AuditEvent, defaultOrder: NEWEST_FIRST });

/** `Query.auditLog`, and `Tenant.auditLog`. */
@Resolver(() => Tenant)
export class AuditLogResolver {
  @Requires('owner')
  @Query(() => AuditEventConnection, {
    description:
      "The tenant's audit log; for the operator, that of all tenants, also of those that are gone.",
  })
  auditLog(
    @Args(() => AuditLogArgs) args: AuditLogArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): PromiseLike<Connection<AuditEvent>> {
    return events.page(context, info, args);
  }

  @Requires('owner')
  @FieldResolver(() => AuditEventConnection, {
    name: 'auditLog',
    description:
      'What was done to the tenant: every change of keys and users, and everything that ' +
      'the operator changed.',
  })
  auditLogOfTenant(
    @Root() tenant: Parent,
    @Args(() => AuditLogArgs) args: AuditLogArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): PromiseLike<Connection<AuditEvent>> {
    return events.page(context, info, args, tenant);
  }
}
