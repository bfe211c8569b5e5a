import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Document } from '../documents/document.entity.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DistinguishesNull } from '../graphql/distinguishes-null.js';
import { JSONObjectScalar, VectorScalar } from '../graphql/scalars.js';
import { DocumentChunk } from './chunk.entity.js';

export const MAX_CHUNKS = 500;
export const MAX_CHUNK_TEXT_BYTES = 20_000;
export const MAX_CHUNK_METADATA_BYTES = 16_384;

@InputType({ description: 'A new chunk.' })
export class NewChunkInput {
  @Field(() => String, { description: 'The text of the passage, at most 20,000 bytes in UTF-8.' })
  text!: string;

  @DistinguishesNull()
  @Field(() => VectorScalar, {
    nullable: true,
    description:
      "A vector from the gateway's model, with the model's length or 1536 numbers; it is " +
      'stored scaled to length 1. If omitted, Weaver computes it from the text. Null ' +
      'stores no vector: then only searches by words find the chunk.',
  })
  embedding?: number[] | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its position in the document, from 0. If omitted, it follows the previous chunk ' +
      "of this list; the first one follows the document's last chunk.",
  })
  chunkIndex?: number | null;

  @Field(() => Int, { nullable: true, description: 'Its page in the original, from 1.' })
  pageNum?: number | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description: 'Metadata of the chunk, for search filters; at most 16,384 bytes.',
  })
  metadata?: Record<string, unknown> | null;
}

@InputType({ description: 'New chunks for a document. Either all of them are stored or none.' })
export class AddChunksInput {
  @Field(() => ID, { description: "The document's id." })
  documentId!: string;

  @Field(() => [NewChunkInput], {
    description:
      'The chunks, 1 to 500. The limit on the size of a request applies too, especially ' +
      'to chunks with vectors.',
  })
  chunks!: NewChunkInput[];

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Which chunks to delete: certain ones, or all of a document.' })
export class DeleteChunksInput {
  @Field(() => [ID], {
    nullable: true,
    description:
      'Ids of chunks, 1 to 500. If one of them does not exist, none is deleted. Set ' +
      'either this or `documentId`.',
  })
  ids?: string[] | null;

  @Field(() => ID, {
    nullable: true,
    description: 'A document, to delete all of its chunks. Set either this or `ids`.',
  })
  documentId?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The chunks that were stored.' })
export class AddChunksPayload {
  @Field(() => [DocumentChunk], { description: 'The new chunks, in the order of the input.' })
  chunks!: DocumentChunk[];

  @Field(() => Document, { description: 'The document that they belong to.' })
  document!: Document;
}

@ObjectType({ simpleResolvers: true, description: 'The chunks that were deleted.' })
export class DeleteChunksPayload {
  @Field(() => Int, { description: 'The number of deleted chunks.' })
  deletedCount!: number;

  @Field(() => [ID], {
    nullable: true,
    description:
      'Their ids if the input named them; null if all chunks of a document were deleted.',
  })
  deletedIds!: string[] | null;
}
