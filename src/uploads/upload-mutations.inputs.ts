import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { UNCHANGED_SINCE } from '../graphql/deletion.js';
import { BigIntScalar, DateTimeScalar } from '../graphql/scalars.js';
import { createInputOf } from '../graphql/settable-fields.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { Upload } from './upload.entity.js';

@InputType({ description: 'A file that is to be sent.' })
export class CreateUploadInput extends createInputOf(Upload) {
  @Field(() => BigIntScalar, {
    description: 'Size of the file in bytes, 1 to `Upload.maxBytes` (52,428,800 by default).',
  })
  sizeBytes!: string;

  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the file. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Which upload to delete.' })
export class DeleteUploadInput {
  @Field(() => ID, { description: "The upload's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The upload that was created.' })
export class CreateUploadPayload {
  @Field(() => Upload, { description: 'The new upload, with its token.' })
  upload!: Upload;
}
