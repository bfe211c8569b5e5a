import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Document } from '../documents/document.entity.js';
import { Batch } from '../graphql/batch.js';
import type { Connection } from '../graphql/connection.js';
import type { RequestContext } from '../graphql/context.js';
import type { Parent } from '../graphql/list.js';
import { rowSelectionOf } from '../graphql/selection.js';
import { Ingestion } from './ingestion.entity.js';
import { IngestionListArgs } from './ingestion.inputs.js';
import { IngestionConnection, ingestionsOfDocument } from './ingestion.lists.js';
import { newestIngestionOf } from './newest-ingestions.js';

/** Adds `Document.ingestion` and `ingestions`. */
@Resolver(() => Document)
export class DocumentIngestionsResolver {
  @Requires('read')
  @Batch()
  @FieldResolver(() => Ingestion, {
    nullable: true,
    description:
      'The newest ingestion of a file for the document: how far it is. Null if there never was ' +
      'one.',
  })
  ingestion(
    @Root() documents: readonly Parent[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Ingestion | null | Error)[]> {
    const { properties } = rowSelectionOf(info, context.models, Ingestion.name);
    return newestIngestionOf(context).loadMany(
      documents.map(document => ({ document, properties })),
    );
  }

  @Requires('read')
  @Batch()
  @FieldResolver(() => IngestionConnection, {
    description: 'The ingestions of files for the document.',
  })
  ingestions(
    @Root() parents: readonly Parent[],
    @Args(() => IngestionListArgs) args: IngestionListArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Ingestion>[]> {
    return ingestionsOfDocument.pages(context, info, args, parents);
  }
}
