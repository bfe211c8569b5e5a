import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import { connectionOf, type Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList, type Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { ApiKey } from './api-key.entity.js';
import { ApiKeyListArgs } from './api-key.inputs.js';

const ApiKeyConnection = connectionOf(ApiKey, 'API keys');
const apiKeys = defineList({ name: 'apiKeys', entity: ApiKey, defaultOrder: NEWEST_FIRST });

/** Adds `Tenant.apiKeys`. */
@Resolver(() => Tenant)
export class TenantApiKeysResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => ApiKeyConnection, {
    description: "The tenant's API keys, including revoked and expired ones.",
  })
  apiKeys(
    @Root() parents: readonly Parent[],
    @Args(() => ApiKeyListArgs) args: ApiKeyListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<ApiKey>[]> {
    return apiKeys.pages(context, info, args, parents);
  }
}
