import { ArgsType, Field, ID } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { Tenant } from './tenant.entity.js';

@ArgsType()
export class TenantListArgs extends listArgsOf(Tenant, {
  things: 'tenants',
  defaultOrder: 'newest first',
}) {}

@ArgsType()
export class TenantArgs {
  @Field(() => ID, {
    nullable: true,
    description: "The tenant's id; your own tenant if omitted.",
  })
  id?: string | null;
}
