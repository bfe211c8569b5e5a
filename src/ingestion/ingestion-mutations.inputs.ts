import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { Document } from '../documents/document.entity.js';
import { JSONObjectScalar } from '../graphql/scalars.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { Ingestion } from './ingestion.entity.js';

@InputType({ description: 'A file that was uploaded, and the document that it is for.' })
export class IngestUploadInput {
  @Field(() => ID, {
    description: 'The upload, whose file was received whole. One upload is ingested once.',
  })
  uploadId!: string;

  @Field(() => ID, {
    nullable: true,
    description:
      'The document whose text the file replaces, as its next revision; a new document of the ' +
      "upload's bot if omitted.",
  })
  documentId?: string | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description:
      'Metadata for every chunk, at most 65,536 bytes. If omitted, that of the upload; where the ' +
      'upload has none either, a document that is replaced keeps the metadata of its first chunk.',
  })
  metadata?: Record<string, unknown> | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the upload. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'A file on its way to passages.' })
export class IngestUploadPayload {
  @Field(() => Document, {
    description: 'The document: new and `PENDING`, or as it is until the file has replaced it.',
  })
  document!: Document;

  @Field(() => Ingestion, { description: 'How far the file is. Read it again until it is over.' })
  ingestion!: Ingestion;

  @Field(() => Document, {
    nullable: true,
    description:
      'The oldest other document of the bot with the same content, if there is one. Under the ' +
      'same file name, nothing of the content is embedded again.',
  })
  duplicateOf!: Document | null;
}

@InputType({ description: 'Which ingestion to begin again.' })
export class RetryIngestionInput {
  @Field(() => ID, { description: "The ingestion's id." })
  id!: string;
}

@ObjectType({ simpleResolvers: true, description: 'The ingestion that was begun again.' })
export class RetryIngestionPayload {
  @Field(() => Ingestion, { description: 'The ingestion as it is now.' })
  ingestion!: Ingestion;
}

@InputType({ description: 'Which ingestion to end.' })
export class CancelIngestionInput {
  @Field(() => ID, { description: "The ingestion's id." })
  id!: string;
}

@ObjectType({ simpleResolvers: true, description: 'The ingestion that was ended.' })
export class CancelIngestionPayload {
  @Field(() => Ingestion, { description: 'The ingestion as it is now.' })
  ingestion!: Ingestion;
}
