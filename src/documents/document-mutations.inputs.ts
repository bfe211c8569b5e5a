import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { createInputOf, updateInputOf } from '../graphql/settable-fields.js';
import { Document } from './document.entity.js';

@InputType({
  description:
    'A new document: either its text, which is split and embedded before the answer, or ' +
    'the address of a file whose chunks another program adds.',
})
export class CreateDocumentInput extends createInputOf(Document) {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the document. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

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

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a document. Omitted fields stay unchanged.' })
export class UpdateDocumentInput extends updateInputOf(Document) {
  @Field(() => ID, { description: "The document's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
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
