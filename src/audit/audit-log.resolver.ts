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
      "The tenant's audit log; for the operator, that of all tenants, also of those that are gone.",
  })
  auditLog(
    @Args(() => AuditLogArgs) args: AuditLogArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): PromiseLike<Connection<AuditEvent>> {
    return auditEvents.page(context, info, args);
  }
}
