import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Document } from '../documents/document.entity.js';
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import { relatedRows } from '../graphql/row-by-id.js';
import { SearchPassage } from './passages.js';
import { readPassages } from './read-passages.js';
import { ChunkSearchResult } from './search.types.js';

/** Adds `ChunkSearchResult.passages`. */
@Resolver(() => ChunkSearchResult)
export class SearchPassagesResolver {
  @Requires('search')
  @FieldResolver(() => [SearchPassage], {
    description:
      'The hits with `contextWindow` chunks before and after each, joined where they ' +
      'overlap or follow each other, for example as input for a language model. The ' +
      'passage of the best hit comes first. Costs one more SQL statement, with `text` up to two.',
  })
  passages(
    @Root() result: ChunkSearchResult,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<SearchPassage[]> {
    return readPassages(context, info, result);
  }
}

/** Adds `SearchPassage.document`. */
@Resolver(() => SearchPassage)
export class PassageDocumentResolver {
  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => Document, { description: 'The document that it is from.' })
  document(
    @Root() parents: readonly SearchPassage[],
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<(Document | null)[]> {
    return relatedRows(context, info, Document, parents, 'documentId');
  }
}
