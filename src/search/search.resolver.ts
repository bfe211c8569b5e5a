import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Query, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { Sized } from '../graphql/limits/list-size.js';
import { searchChunks } from './search-chunks.js';
import { SearchChunksInput } from './search.inputs.js';
import { ChunkSearchResult } from './search.types.js';

@Resolver()
export class SearchResolver {
  @Requires('search')
  @Sized('input.topK', 10)
  @Query(() => ChunkSearchResult, { description: "The chunks of your tenant that are nearest to a text or a vector. It says itself whether it is complete." })
  searchChunks(
    @Arg('input', () => SearchChunksInput, { description: 'What to search for, and where.' }) input: SearchChunksInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ChunkSearchResult> {
    return searchChunks(context, info, input);
  }
}
