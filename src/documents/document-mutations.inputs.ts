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
    'A new document: its text, to be split and embedded at once, or the place of a file ' +
    'whose chunks another program adds.',
})
export class CreateDocumentInput {
  @Field(() => ID, {
    nullable: true,
    description:
      'Whose document it is. An operator must name the tenant; everyone else has only their own.',
  })
  tenantId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "The bot that answers from it; the tenant's oldest bot when left out.",
  })
  botId?: string | null;

  @Field(() => String, { description: 'The file name, 1 to 500 characters.' })
  filename!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The text itself, at most 1,000,000 bytes in UTF-8: split, embedded and stored ' +
      'before the answer comes, so that the document is `COMPLETED`. Give this or ' +
      '`sourceUri`.',
  })
  text?: string | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description: 'Noted on every chunk of `text`, for filters of the search; at most 65,536 bytes.',
  })
  metadata?: Record<string, unknown> | null;

  @Field(() => String, {
    nullable: true,
    description: 'Where the original file lies, 1 to 1,000 characters. Give this or `text`.',
  })
  sourceUri?: string | null;

  @Field(() => BigIntScalar, {
    nullable: true,
    description:
      'Size of the file at `sourceUri` in bytes, 0 to 1,099,511,627,776; 0 when left ' +
      'out. That of `text` is counted.',
  })
  sizeBytes?: string | null;

  @Field(() => DocumentStatus, {
    nullable: true,
    description: 'How far the file at `sourceUri` has been processed; `PENDING` when left out.',
  })
  status?: DocumentStatus | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a document. What is left out stays as it is.' })
export class UpdateDocumentInput {
  @Field(() => ID, { description: "The document's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Another bot of the same tenant. The chunks go along.',
  })
  botId?: string | null;

  @Field(() => String, { nullable: true, description: 'A new file name, 1 to 500 characters.' })
  filename?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Where the original file lies, 1 to 1,000 characters; null for nowhere.',
  })
  sourceUri?: string | null;

  @Field(() => BigIntScalar, {
    nullable: true,
    description:
      'Size of the file at `sourceUri` in bytes, 0 to 1,099,511,627,776. That of text ' +
      'given inline is counted.',
  })
  sizeBytes?: string | null;

  @Field(() => DocumentStatus, {
    nullable: true,
    description: 'How far processing has come, for programs that process by themselves.',
  })
  status?: DocumentStatus | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why processing failed, at most 10,000 bytes in UTF-8; null for no reason.',
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
      'Noted on every new chunk, at most 65,536 bytes. When left out, that of the first old chunk.',
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
