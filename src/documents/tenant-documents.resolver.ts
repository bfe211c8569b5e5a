import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { Document } from './document.entity.js';
import { DocumentListArgs } from './document.inputs.js';
import { DocumentConnection, documents } from './document.lists.js';

/** Adds `Tenant.documents`. */
@Resolver(() => Tenant)
export class TenantDocumentsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => DocumentConnection, {
    description: "The documents of all the tenant's bots.",
  })
  documents(
    @Root() parents: readonly Parent[],
    @Args(() => DocumentListArgs) args: DocumentListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Document>[]> {
    return documents.pages(context, info, args, parents);
  }
}
