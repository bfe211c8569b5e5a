import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { Ingestion } from './ingestion.entity.js';
import { IngestionListArgs } from './ingestion.inputs.js';
import { IngestionConnection, ingestions } from './ingestion.lists.js';

/** Adds `Tenant.ingestions`. */
@Resolver(() => Tenant)
export class TenantIngestionsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => IngestionConnection, {
    description: "The ingestions of files for all the tenant's documents.",
  })
  ingestions(
    @Root() parents: readonly Parent[],
    @Args(() => IngestionListArgs) args: IngestionListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Ingestion>[]> {
    return ingestions.pages(context, info, args, parents);
  }
}
