import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows } from '../graphql/row-by-id.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from './user.entity.js';

@Resolver(() => User)
export class UserResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant that the user works in.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
