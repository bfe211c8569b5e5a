import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { CONFIRM, DRY_RUN, UNCHANGED_SINCE } from '../graphql/deletion.js';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { DateTimeScalar } from '../graphql/scalars.js';
import { createInputOf, updateInputOf } from '../graphql/settable-fields.js';
import { Tenant } from './tenant.entity.js';

@InputType({ description: 'A new tenant.' })
export class CreateTenantInput extends createInputOf(Tenant) {
  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@InputType({ description: 'Changes to a tenant. Omitted fields stay unchanged.' })
export class UpdateTenantInput extends updateInputOf(Tenant) {
  @Field(() => ID, {
    nullable: true,
    description: "The tenant's id; your own tenant if omitted.",
  })
  id?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: UNCHANGED_SINCE })
  updatedAt?: string | null;
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
