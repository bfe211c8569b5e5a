import { Field, ID, InputType, ObjectType } from 'type-graphql';
import type { UserRole } from '../auth/principal.js';
import { DRY_RUN, UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { createInputOf, updateInputOf } from '../graphql/settable-fields.js';
import { User } from './user.entity.js';

@InputType({
  description: 'A new user. Nobody can give a role with more permissions than they have.',
})
export class CreateUserInput extends createInputOf(User) {
  declare role: UserRole;

  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the user. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "The user's subject (`sub`) at the identity provider, a UUID, with which they sign " +
      'in; a new UUID if omitted.',
  })
  id?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a user. Omitted fields stay unchanged.' })
export class UpdateUserInput extends updateInputOf(User) {
  @Field(() => ID, { description: "The user's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@InputType({ description: 'Which user to delete.' })
export class DeleteUserInput {
  @Field(() => ID, { description: "The user's id." })
  id!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The exact e-mail address of the user, to confirm the deletion. Not needed for a dry run.',
  })
  confirm?: string | null;

  @Field(() => Boolean, { defaultValue: false, description: DRY_RUN })
  dryRun!: boolean;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The user that was added.' })
export class CreateUserPayload {
  @Field(() => User, { description: 'The new user.' })
  user!: User;
}

@ObjectType({ simpleResolvers: true, description: 'The user that was changed.' })
export class UpdateUserPayload {
  @Field(() => User, { description: 'The user as they are now.' })
  user!: User;
}
