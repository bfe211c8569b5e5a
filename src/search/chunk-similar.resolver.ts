import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  Info,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { DocumentChunk } from '../chunks/chunk.entity.js';
import type { RequestContext } from '../graphql/context.js';
import { intInput } from '../graphql/input-checks.js';
import { Sized } from '../graphql/limits/list-size.js';
import type { Parent } from '../graphql/list.js';
import { Float } from '../graphql/scalars.js';
import { nestedRowSelectionOf } from '../graphql/selection.js';
import { similarChunks } from './similar-chunks.js';

const MAX_SIMILAR = 50;

@ObjectType({ simpleResolvers: true, description: 'A chunk that is similar to another.' })
export class SimilarChunk {
  @Field(() => Float, {
    description: 'Cosine similarity of the two stored vectors, -1 to 1.',
  })
  similarity!: number;

  @Requires('read', 'search')
  @Field(() => DocumentChunk, { description: 'The chunk.' })
  chunk!: DocumentChunk;
}

/** Adds `DocumentChunk.similar`. */
@Resolver(() => DocumentChunk)
export class ChunkSimilarResolver {
  @Requires('search')
  @Sized('first', 5)
  @FieldResolver(() => [SimilarChunk], {
    description:
      'The other chunks of the tenant with the most similar vectors, most similar first. ' +
      'Empty if the chunk has no vector. Each chunk for which it is selected counts as a ' +
      'search; an operation may have at most twenty.',
  })
  async similar(
    @Root() chunk: Parent,
    @Arg('first', () => Int, {
      defaultValue: 5,
      description:
        'The number of chunks, 0 to 50. The result has fewer only if the tenant has no more.',
    })
    first: number,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<SimilarChunk[]> {
    const { model, properties } = nestedRowSelectionOf(info, context.models, ['chunk']);
    const hits = await similarChunks(context).load({
      chunk,
      first: intInput('first', first, 0, MAX_SIMILAR),
      columns: model.select(properties, 't'),
    });
    return hits.map(hit => ({ similarity: hit.score, chunk: hit.chunk as DocumentChunk }));
  }
}
