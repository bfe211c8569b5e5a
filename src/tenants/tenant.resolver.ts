import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { connectionOf, type Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList } from '../graphql/list.js';
import { rowById } from '../graphql/row-by-id.js';
import { Tenant } from './tenant.entity.js';
import { TenantArgs, TenantListArgs } from './tenant.inputs.js';
import { tenantIdArgument } from './tenant-id-argument.js';

const TenantConnection = connectionOf(Tenant, 'tenants');
const tenants = defineList({ name: 'tenants', entity: Tenant, defaultOrder: NEWEST_FIRST });

@Resolver(() => Tenant)
export class TenantResolver {
  @Requires('read')
  @Query(() => Tenant, {
    nullable: true,
    description: 'A tenant by its id; your own if the id is omitted. Null if you may not see it.',
  })
  tenant(
    @Args(() => TenantArgs) { id }: TenantArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Tenant | null> {
    return rowById(context, info, Tenant, tenantIdArgument(context.caller, id));
  }

  @Requires('read')
  @Query(() => TenantConnection, {
    description: 'All tenants for the operator; for everyone else, their own.',
  })
  tenants(
    @Args(() => TenantListArgs) args: TenantListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Tenant>> {
    return tenants.page(context, info, args);
  }
}
