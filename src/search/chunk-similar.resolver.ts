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

@ObjectType({ simpleResolvers: true, description: 'A chunk that is like another.' })
export class SimilarChunk {
  @Field(() => Float, {
    description: 'Cosine similarity of the two vectors as they are stored, -1 to 1.',
  })
  similarity!: number;

  @Requires('read', 'search')
  @Field(() => DocumentChunk, { description: 'The chunk itself.' })
  chunk!: DocumentChunk;
}

/** Adds `DocumentChunk.similar`. */
@Resolver(() => DocumentChunk)
export class ChunkSimilarResolver {
  @Requires('search')
  @Sized('first', 5)
  @FieldResolver(() => [SimilarChunk], {
    description:
      'The chunks of the tenant whose vectors are nearest to its own, the nearest first ' +
      'and without itself. None where it has no vector. Each chunk that asks for them ' +
      'counts as a search, of which an operation may have twenty.',
  })
  async similar(
    @Root() chunk: Parent,
    @Arg('first', () => Int, {
      defaultValue: 5,
      description: 'How many, 0 to 50. There are fewer only where the tenant has no more.',
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
