import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import { connectionOf, type Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList, type Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from './user.entity.js';
import { UserListArgs } from './user.inputs.js';

const UserConnection = connectionOf(User, 'users');
const users = defineList({ name: 'users', entity: User, defaultOrder: NEWEST_FIRST });

/** Adds `Tenant.users`. */
@Resolver(() => Tenant)
export class TenantUsersResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => UserConnection, { description: 'The people who work in the tenant.' })
  users(
    @Root() parents: readonly Parent[],
    @Args(() => UserListArgs) args: UserListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<User>[]> {
    return users.pages(context, info, args, parents);
  }
}
