import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { readWindows } from '../chunks/chunk-windows.js';
import type { RequestContext } from '../graphql/context.js';
import { nestedRowSelectionOf, nestedSelectionHas } from '../graphql/selection.js';
import { mergeWindows, SearchPassage } from './passages.js';
import { ChunkSearchResult } from './search.types.js';

/** Adds `ChunkSearchResult.passages`. */
@Resolver(() => ChunkSearchResult)
export class SearchPassagesResolver {
  @Requires('search')
  @FieldResolver(() => [SearchPassage], {
    description:
      'The hits with `contextWindow` chunks before and after each, joined where they ' +
      'overlap or follow each other, for example as input for a language model. The ' +
      'passage of the best hit comes first. Costs one more SQL statement.',
  })
  async passages(
    @Root() result: ChunkSearchResult,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<SearchPassage[]> {
    const { model, properties } = nestedRowSelectionOf(info, context.models, ['chunks']);
    const text = nestedSelectionHas(info, ['text']) ? ', t.text as _text' : '';
    const { hits, contextWindow: size } = result;
    const requests = hits.map(({ chunk }) => ({
      chunk: chunk as unknown as { id: string; tenantId: string },
      before: size,
      after: size,
    }));
    const windows = await readWindows(context, requests, model.select(properties, 't') + text);
    return mergeWindows(windows.map((rows, index) => ({ rank: hits[index]!.rank, rows })));
  }
}
