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
import { Batch } from '../graphql/batch.js';
import type { RequestContext } from '../graphql/context.js';
import { intInput } from '../graphql/input-checks.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader } from '../graphql/loader.js';
import { nestedRowSelectionOf } from '../graphql/selection.js';
import { DocumentChunk } from './chunk.entity.js';
import { readWindows, type WindowRequest, type WindowRow } from './chunk-windows.js';

const MAX_NEIGHBORS = 10;

@ObjectType({ simpleResolvers: true, description: 'The chunks around a chunk in its document.' })
export class ChunkNeighbors {
  @Requires('read', 'search')
  @Field(() => [DocumentChunk], {
    description: 'The chunks right before it, in the order of the text.',
  })
  before!: DocumentChunk[];

  @Requires('read', 'search')
  @Field(() => [DocumentChunk], {
    description: 'The chunks right after it, in the order of the text.',
  })
  after!: DocumentChunk[];
}

interface Key extends WindowRequest {
  readonly properties: ReadonlySet<string>;
}

/** Of all chunks of a level in one statement, whatever their arguments. */
const neighborsOf = defineLoader<Key, WindowRow[]>((keys, context) => {
  const properties = new Set(keys.flatMap(key => [...key.properties]));
  return readWindows(context, keys, context.models.of(DocumentChunk).select(properties, 't'));
});

/** Adds `DocumentChunk.neighbors`. */
@Resolver(() => DocumentChunk)
export class ChunkNeighborsResolver {
  @Requires('read', 'search')
  @Batch()
  @FieldResolver(() => ChunkNeighbors, {
    description: 'The chunks before and after it in its document.',
  })
  async neighbors(
    @Root() chunks: readonly Parent[],
    @Arg('before', () => Int, {
      defaultValue: 1,
      description: 'The number of chunks before it, 0 to 10.',
    })
    before: number,
    @Arg('after', () => Int, {
      defaultValue: 1,
      description: 'The number of chunks after it, 0 to 10.',
    })
    after: number,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ChunkNeighbors[]> {
    const counts = {
      before: intInput('before', before, 0, MAX_NEIGHBORS),
      after: intInput('after', after, 0, MAX_NEIGHBORS),
    };
    const properties = new Set(
      ['before', 'after'].flatMap(side => [
        ...nestedRowSelectionOf(info, context.models, [side]).properties,
      ]),
    );
    const windows = (await Promise.all(
      chunks.map(chunk => neighborsOf(context).load({ chunk, ...counts, properties })),
    )) as (WindowRow & DocumentChunk)[][];
    return windows.map(rows => ({
      before: rows.filter(row => row._side < 0),
      after: rows.filter(row => row._side > 0),
    }));
  }
}
