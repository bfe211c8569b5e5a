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
  @Field(() => String, { description: 'The passage, at most 20,000 bytes in UTF-8.' })
  text!: string;

  @DistinguishesNull()
  @Field(() => VectorScalar, {
    nullable: true,
    description:
      "A vector made elsewhere by the gateway's model, as long as the model makes it or " +
      '1536 numbers; stored with length 1. When left out it is made here from the text. ' +
      'Null for none: then only words find the chunk.',
  })
  embedding?: number[] | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its place in the document, from 0. When left out: after the one before it in this ' +
      'list, the first after the last of the document.',
  })
  chunkIndex?: number | null;

  @Field(() => Int, { nullable: true, description: 'The page it stands on, from 1.' })
  pageNum?: number | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description: 'Noted on the chunk, for filters of the search; at most 16,384 bytes.',
  })
  metadata?: Record<string, unknown> | null;
}

@InputType({ description: 'New chunks of a document: all of them are stored, or none.' })
export class AddChunksInput {
  @Field(() => ID, { description: "The document's id." })
  documentId!: string;

  @Field(() => [NewChunkInput], {
    description:
      'The chunks, 1 to 500. What a request may hold at all limits them too, vectors above all.',
  })
  chunks!: NewChunkInput[];

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Which chunks to delete: these, or all of a document.' })
export class DeleteChunksInput {
  @Field(() => [ID], {
    nullable: true,
    description:
      'Ids of chunks, 1 to 500. If you do not have one of them, none is deleted. ' +
      'Give this or `documentId`.',
  })
  ids?: string[] | null;

  @Field(() => ID, {
    nullable: true,
    description: 'A document, to delete all of its chunks. Give this or `ids`.',
  })
  documentId?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The chunks that were stored.' })
export class AddChunksPayload {
  @Field(() => [DocumentChunk], { description: 'The new chunks, in the order of the input.' })
  chunks!: DocumentChunk[];

  @Field(() => Document, { description: 'The document that they are of.' })
  document!: Document;
}

@ObjectType({ simpleResolvers: true, description: 'The chunks that were deleted.' })
export class DeleteChunksPayload {
  @Field(() => Int, { description: 'How many there were.' })
  deletedCount!: number;

  @Field(() => [ID], {
    nullable: true,
    description: 'Their ids, where the input named them; null where all of a document went.',
  })
  deletedIds!: string[] | null;
}
