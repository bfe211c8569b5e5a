import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Query, Resolver } from 'type-graphql';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { permissionsOf } from '../auth/permissions.js';
import { ApiKeyScope, type Principal } from '../auth/principal.js';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { relatedRow } from '../graphql/row-by-id.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { User } from '../users/user.entity.js';
import { Viewer, ViewerKind } from './viewer.type.js';

/** Nobody's operations never get here. */
const KINDS = {
  apiKey: ViewerKind.API_KEY,
  user: ViewerKind.USER,
  operator: ViewerKind.OPERATOR,
  nobody: ViewerKind.OPERATOR,
} satisfies Record<Principal['kind'], ViewerKind>;

@Resolver(() => Viewer)
export class ViewerResolver {
  @Requires(...Object.values(ApiKeyScope))
  @Query(() => Viewer, { description: 'The caller that the token of this request identifies.' })
  viewer(@Ctx() { principal }: RequestContext): Viewer {
    const permissions = permissionsOf(principal);
    return {
      kind: KINDS[principal.kind],
      scopes: Object.values(ApiKeyScope).filter(scope => permissions.has(scope)),
    };
  }

  @Requires('read')
  @FieldResolver(() => Tenant, {
    nullable: true,
    description: "The caller's tenant; null for the operator.",
  })
  tenant(
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Tenant | PromiseLike<Tenant | null> | null {
    const { principal } = context;
    return 'tenantId' in principal
      ? relatedRow(context, info, Tenant, principal.tenantId, principal.tenantId)
      : null;
  }

  @Requires('read')
  @FieldResolver(() => ApiKey, {
    nullable: true,
    description: 'The key that the caller holds; null for users and the operator.',
  })
  apiKey(
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): ApiKey | PromiseLike<ApiKey | null> | null {
    const { principal } = context;
    return principal.kind === 'apiKey'
      ? relatedRow(context, info, ApiKey, principal.tenantId, principal.keyId)
      : null;
  }

  @Requires('read')
  @FieldResolver(() => User, {
    nullable: true,
    description: 'The person who is signed in; null for keys and the operator.',
  })
  user(
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): User | PromiseLike<User | null> | null {
    const { principal } = context;
    return principal.kind === 'user'
      ? relatedRow(context, info, User, principal.tenantId, principal.userId)
      : null;
  }
}
