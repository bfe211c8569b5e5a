import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import type { AuditEvent } from '../audit/audit-event.entity.js';
import { AuditLogArgs } from '../audit/audit-event.inputs.js';
import { AuditEventConnection, auditEvents } from '../audit/audit-event.lists.js';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { Tenant } from './tenant.entity.js';

/** Adds `Tenant.auditLog`. The audit log is below tenants: what they change is written there. */
@Resolver(() => Tenant)
export class TenantAuditLogResolver {
  @Requires('owner')
  @Batch()
  @FieldResolver(() => AuditEventConnection, {
    description:
      'The recorded changes of the tenant: every change of keys and users, and every ' +
      'change by the operator.',
  })
  auditLog(
    @Root() parents: readonly Parent[],
    @Args(() => AuditLogArgs) args: AuditLogArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<AuditEvent>[]> {
    return auditEvents.pages(context, info, args, parents);
  }
}
