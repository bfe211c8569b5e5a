import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { AuditEvent } from './audit-event.entity.js';
import { AuditLogArgs } from './audit-event.inputs.js';
import { AuditEventConnection, auditEvents } from './audit-event.lists.js';

@Resolver()
export class AuditLogResolver {
  @Requires('owner')
  @Query(() => AuditEventConnection, {
    description:
      'The audit log of your tenant; for the operator, of all tenants, including deleted ones.',
  })
  auditLog(
    @Args(() => AuditLogArgs) args: AuditLogArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<AuditEvent>> {
    return auditEvents.page(context, info, args);
  }
}
