import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Query, Resolver, Root } from 'type-graphql';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { ApiKeyScope } from '../auth/principal.js';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import { relatedRows } from '../graphql/row-by-id.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from '../users/user.entity.js';
import { Viewer, viewerOf, type ViewerWithIds } from './viewer.type.js';

@Resolver(() => Viewer)
export class ViewerResolver {
  @Requires(...Object.values(ApiKeyScope))
  @Query(() => Viewer, { description: 'The caller that the token of this request identifies.' })
  viewer(@Ctx() { principal }: RequestContext): ViewerWithIds {
    return viewerOf(principal);
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, {
    nullable: true,
    description: "The caller's tenant; null for the operator.",
  })
  tenant(
    @Root() viewers: readonly ViewerWithIds[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, viewers, 'tenantId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => ApiKey, {
    nullable: true,
    description: 'The key that the caller holds; null for users and the operator.',
  })
  apiKey(
    @Root() viewers: readonly ViewerWithIds[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(ApiKey | null)[]> {
    return relatedRows(context, info, ApiKey, viewers, 'apiKeyId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => User, {
    nullable: true,
    description: 'The person who is signed in; null for keys and the operator.',
  })
  user(
    @Root() viewers: readonly ViewerWithIds[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(User | null)[]> {
    return relatedRows(context, info, User, viewers, 'userId');
  }
}
