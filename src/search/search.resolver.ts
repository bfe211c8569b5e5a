import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { Sized } from '../graphql/limits/list-size.js';
import { explainChunk } from './explain-chunk.js';
import { ChunkExplanation } from './explain.types.js';
import { searchChunks } from './search-chunks.js';
import { SearchChunksInput } from './search.inputs.js';
import { ChunkSearchResult } from './search.types.js';

@Resolver()
export class SearchResolver {
  @Requires('search')
  @Sized('input.topK', 10)
  @Query(() => ChunkSearchResult, {
    description:
      'The chunks of your tenant that best match a text or a vector: by meaning, by ' +
      'words, or by both. The result says whether it is complete.',
  })
  searchChunks(
    @Arg('input', () => SearchChunksInput, { description: 'What to search for, and where.' })
    input: SearchChunksInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ChunkSearchResult> {
    return searchChunks(context, info, input);
  }

  @Requires('search')
  @Query(() => ChunkExplanation, {
    description:
      'Why a chunk is or is not among the hits of a search. Compares all chunks that ' +
      'meet the filters exactly, so use it for diagnosis, not for every search. Counts ' +
      'as one of the twenty searches of an operation.',
  })
  explainChunk(
    @Arg('input', () => SearchChunksInput, { description: 'The search, without `after`.' })
    input: SearchChunksInput,
    @Arg('chunkId', () => ID, {
      description: "The chunk's UUID. If your tenant has no such chunk, `droppedBy` is SCOPE.",
    })
    chunkId: string,
    @Ctx() context: RequestContext,
  ): Promise<ChunkExplanation> {
    return explainChunk(context, input, chunkId);
  }
}
