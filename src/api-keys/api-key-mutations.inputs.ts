import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { createInputOf } from '../graphql/settable-fields.js';
import { ApiKey } from './api-key.entity.js';

export const MAX_OVERLAP_SECONDS = 30 * 86_400;

const SECRET =
  'The whole key. It is shown only now and cannot be read again. Null if the call ' +
  'repeats an idempotency key.';

@InputType({ description: 'A new API key. Nobody can grant more than they have.' })
export class CreateApiKeyInput extends createInputOf(ApiKey) {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant that the key acts for. The operator must set it; everyone else may ' +
      'only set their own.',
  })
  tenantId?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Which API key gets a new secret.' })
export class RotateApiKeyInput {
  @Field(() => ID, { description: "The key's id." })
  id!: string;

  @Field(() => Int, {
    defaultValue: 86_400,
    description:
      'For how many seconds the old secret continues to work, 0 to 2,592,000 (30 days); ' +
      'a day by default. With 0 it stops working immediately. A secret from before an ' +
      'earlier rotation stops working in any case.',
  })
  overlapSeconds!: number;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Which API key to revoke.' })
export class RevokeApiKeyInput {
  @Field(() => ID, { description: "The key's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'The API key that was created, with its secret.',
})
export class CreateApiKeyPayload {
  @Field(() => ApiKey, { description: 'The new key.' })
  apiKey!: ApiKey;

  @Field(() => String, { nullable: true, description: SECRET })
  secret!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'The API key that was rotated, with its new secret.',
})
export class RotateApiKeyPayload {
  @Field(() => ApiKey, { description: 'The key as it is now.' })
  apiKey!: ApiKey;

  @Field(() => String, { nullable: true, description: SECRET })
  secret!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The API key that was revoked.' })
export class RevokeApiKeyPayload {
  @Field(() => ApiKey, { description: 'The key as it is now.' })
  apiKey!: ApiKey;
}
