import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { BigIntScalar, DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Document, DocumentStatus } from './document.entity.js';

export const MAX_FILENAME_LENGTH = 500;
export const MAX_SOURCE_URI_LENGTH = 1_000;
export const MAX_ERROR_BYTES = 10_000;
export const MAX_TEXT_BYTES = 1_000_000;
/** A pebibyte would be more than anybody stores; the sum of all must stay a 64-bit number. */
export const MAX_SIZE_BYTES = 2 ** 40;

@InputType({
  description:
    'A new document: either its text, which is split and embedded before the answer, or ' +
    'the address of a file whose chunks another program adds.',
})
export class CreateDocumentInput {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the document. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "The bot that answers from it; the tenant's oldest bot if omitted.",
  })
  botId?: string | null;

  @Field(() => String, { description: 'The file name, 1 to 500 characters.' })
  filename!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The text, at most 1,000,000 bytes in UTF-8. It is split, embedded and stored ' +
      'before the answer, so the document is `COMPLETED`. Set either this or `sourceUri`.',
  })
  text?: string | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description: 'Metadata for every chunk of `text`, for search filters; at most 65,536 bytes.',
  })
  metadata?: Record<string, unknown> | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The address of the original file, 1 to 1,000 characters. Set either this or `text`.',
  })
  sourceUri?: string | null;

  @Field(() => BigIntScalar, {
    nullable: true,
    description:
      'Size of the file at `sourceUri` in bytes, 0 to 1,099,511,627,776; 0 if omitted. ' +
      'The size of `text` is calculated.',
  })
  sizeBytes?: string | null;

  @Field(() => DocumentStatus, {
    nullable: true,
    description: 'How far the file at `sourceUri` has been processed; `PENDING` if omitted.',
  })
  status?: DocumentStatus | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a document. Omitted fields stay unchanged.' })
export class UpdateDocumentInput {
  @Field(() => ID, { description: "The document's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Another bot of the same tenant. The chunks move too.',
  })
  botId?: string | null;

  @Field(() => String, { nullable: true, description: 'A new file name, 1 to 500 characters.' })
  filename?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The address of the original file, 1 to 1,000 characters; null removes it.',
  })
  sourceUri?: string | null;

  @Field(() => BigIntScalar, {
    nullable: true,
    description:
      'Size of the file at `sourceUri` in bytes, 0 to 1,099,511,627,776. The size of a ' +
      'text is calculated.',
  })
  sizeBytes?: string | null;

  @Field(() => DocumentStatus, {
    nullable: true,
    description: 'How far processing has come, for programs that process files themselves.',
  })
  status?: DocumentStatus | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why processing failed, at most 10,000 bytes in UTF-8; null removes the reason.',
  })
  errorMessage?: string | null;
}

@InputType({ description: 'A new text for a document.' })
export class ReprocessDocumentInput {
  @Field(() => ID, { description: "The document's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => String, { description: 'The new text, at most 1,000,000 bytes in UTF-8.' })
  text!: string;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description:
      'Metadata for every new chunk, at most 65,536 bytes. If omitted, the metadata of ' +
      'the first old chunk.',
  })
  metadata?: Record<string, unknown> | null;
}

@InputType({ description: 'Which document to delete.' })
export class DeleteDocumentInput {
  @Field(() => ID, { description: "The document's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The document that was created.' })
export class CreateDocumentPayload {
  @Field(() => Document, { description: 'The new document.' })
  document!: Document;
}

@ObjectType({ simpleResolvers: true, description: 'The document that was changed.' })
export class UpdateDocumentPayload {
  @Field(() => Document, { description: 'The document as it is now.' })
  document!: Document;
}

@ObjectType({ simpleResolvers: true, description: 'The document whose text was replaced.' })
export class ReprocessDocumentPayload {
  @Field(() => Document, { description: 'The document as it is now.' })
  document!: Document;
}
