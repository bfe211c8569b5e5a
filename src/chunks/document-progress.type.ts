import { Field, Int, ObjectType } from 'type-graphql';
import { Float } from '../graphql/scalars.js';

@ObjectType({
  simpleResolvers: true,
  description: 'How much of a document a search by meaning can find.',
})
export class DocumentProgress {
  @Field(() => Int, { description: 'Chunks stored.' })
  chunkCount!: number;

  @Field(() => Int, { description: 'Chunks that have a vector.' })
  embeddedChunkCount!: number;

  @Field(() => Float, {
    nullable: true,
    description:
      'Fraction of the stored chunks that have a vector, 0 to 1; null if there are no chunks.',
  })
  embeddedShare!: number | null;
}
