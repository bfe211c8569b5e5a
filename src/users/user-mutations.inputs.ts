import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { UserRole } from '../auth/principal.js';
import { DRY_RUN, UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { User } from './user.entity.js';

export const MAX_EMAIL_LENGTH = 255;

@InputType({ description: 'A new user. Nobody gives a role that may do more than they.' })
export class CreateUserInput {
  @Field(() => ID, {
    nullable: true,
    description: 'In which tenant. An operator must name it; everyone else has only their own.',
  })
  tenantId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "The user's subject (`sub`) at the identity provider, a UUID, by which they sign " +
      'in; a new one when left out.',
  })
  id?: string | null;

  @Field(() => String, {
    description:
      'The e-mail address, at most 255 characters, unique within the tenant, whatever its case.',
  })
  email!: string;

  @Field(() => UserRole, {
    defaultValue: UserRole.MEMBER,
    description: 'What the user may do. Only owners and the operator make owners.',
  })
  role!: UserRole;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a user. What is left out stays as it is.' })
export class UpdateUserInput {
  @Field(() => ID, { description: "The user's id." })
  id!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'A new e-mail address, at most 255 characters, unique within the tenant, whatever its case.',
  })
  email?: string | null;

  @Field(() => UserRole, {
    nullable: true,
    description:
      'A new role. Only owners and the operator make owners or change them; the last owner stays.',
  })
  role?: UserRole | null;
}

@InputType({ description: 'Which user to delete.' })
export class DeleteUserInput {
  @Field(() => ID, { description: "The user's id." })
  id!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The e-mail address of the user, exactly as it stands, as a seat belt. Not needed ' +
      'for a dry run.',
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
