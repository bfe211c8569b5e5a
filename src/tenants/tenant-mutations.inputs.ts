import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { CONFIRM, DRY_RUN, UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { Tenant } from './tenant.entity.js';

export const MAX_NAME_LENGTH = 255;
export const MAX_PLAN_LENGTH = 50;

@InputType({ description: 'A new tenant.' })
export class CreateTenantInput {
  @Field(() => String, { description: "The tenant's name, 1 to 255 characters." })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The plan that the tenant pays for, 1 to 50 characters; `free` if omitted.',
  })
  planTier?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a tenant. Omitted fields stay unchanged.' })
export class UpdateTenantInput {
  @Field(() => ID, {
    nullable: true,
    description: "The tenant's id; your own tenant if omitted.",
  })
  id?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;

  @Field(() => String, { nullable: true, description: 'A new name, 1 to 255 characters.' })
  name?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Another plan, 1 to 50 characters. Only for the operator.',
  })
  planTier?: string | null;
}

@InputType({ description: 'Which tenant to delete.' })
export class DeleteTenantInput {
  @Field(() => ID, { description: "The tenant's id." })
  id!: string;

  @Field(() => String, { nullable: true, description: CONFIRM })
  confirm?: string | null;

  @Field(() => Boolean, { defaultValue: false, description: DRY_RUN })
  dryRun!: boolean;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The tenant that was created.' })
export class CreateTenantPayload {
  @Field(() => Tenant, { description: 'The new tenant.' })
  tenant!: Tenant;
}

@ObjectType({ simpleResolvers: true, description: 'The tenant that was changed.' })
export class UpdateTenantPayload {
  @Field(() => Tenant, { description: 'The tenant as it is now.' })
  tenant!: Tenant;
}
