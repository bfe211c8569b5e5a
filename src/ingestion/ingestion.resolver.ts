import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Extensions, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Document } from '../documents/document.entity.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { relatedRows, rowById } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { IngestionError } from './ingestion-error.type.js';
import { Ingestion } from './ingestion.entity.js';
import { errorOf } from './ingestion-problem.js';

@Resolver(() => Ingestion)
export class IngestionResolver {
  @Requires('read')
  @Query(() => Ingestion, {
    nullable: true,
    description: 'An ingestion by its id. Null if your tenant has no ingestion with this id.',
  })
  ingestion(
    @Arg('id', () => ID, { description: "The ingestion's UUID." }) id: string,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Ingestion | null> {
    return rowById(context, info, Ingestion, uuidInput('id', id));
  }

  @Requires('read')
  @Extensions({ needs: ['errorCode', 'errorMessage', 'errorRetryable'] })
  @FieldResolver(() => IngestionError, {
    nullable: true,
    description:
      'Why it failed, or why its last attempt did and it waits for the next; null if nothing did.',
  })
  error(@Root() ingestion: Ingestion): IngestionError | null {
    return errorOf(ingestion);
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Document, { description: 'The document that the file is for.' })
  document(
    @Root() parents: readonly (Parent & { documentId: string })[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Document | null)[]> {
    return relatedRows(context, info, Document, parents, 'documentId');
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => Tenant, { description: 'The tenant that it belongs to.' })
  tenant(
    @Root() parents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Tenant | null)[]> {
    return relatedRows(context, info, Tenant, parents, 'tenantId');
  }
}
