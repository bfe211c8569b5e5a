import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRow } from '../graphql/row-by-id.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { ApiKey } from './api-key.entity.js';

@Resolver(() => ApiKey)
export class ApiKeyResolver {
  @Requires('read')
  @FieldResolver(() => Tenant, { description: 'The tenant that the key acts for.' })
  tenant(
    @Root() apiKey: Parent,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Tenant | PromiseLike<Tenant | null> {
    return relatedRow(context, info, Tenant, apiKey.tenantId, apiKey.tenantId);
  }
}
