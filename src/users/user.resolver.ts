import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRow } from '../graphql/row-by-id.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from './user.entity.js';

@Resolver(() => User)
export class UserResolver {
  @Requires('read')
  @FieldResolver(() => Tenant, { description: 'The tenant that the user works in.' })
  tenant(
    @Root() user: Parent,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Tenant | PromiseLike<Tenant | null> {
    return relatedRow(context, info, Tenant, user.tenantId, user.tenantId);
  }
}
