import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import type { RequestContext } from '../graphql/context.js';
import { DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { payloadRow } from '../graphql/row-by-id.js';
import {
  CreateTenantInput,
  CreateTenantPayload,
  DeleteTenantInput,
  UpdateTenantInput,
  UpdateTenantPayload,
} from './tenant-mutations.inputs.js';
import { Tenant } from './tenant.entity.js';
import { createTenant, deleteTenant, updateTenant } from './tenant.service.js';

@Resolver()
export class TenantMutationsResolver {
  @Requires('operator')
  @Mutation(() => CreateTenantPayload, {
    nullable: true,
    description: 'Creates a tenant and its first bot.',
  })
  async createTenant(
    @InputArg(() => CreateTenantInput) input: CreateTenantInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateTenantPayload> {
    const made = await createTenant(context, context.caller, input);
    return { tenant: await payloadRow(context, info, 'tenant', Tenant, made) };
  }

  @Requires('owner')
  @Mutation(() => UpdateTenantPayload, {
    nullable: true,
    description:
      'Changes a tenant. Owners can change the name; the operator can also change the plan.',
  })
  async updateTenant(
    @InputArg(() => UpdateTenantInput) input: UpdateTenantInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateTenantPayload> {
    const changed = await updateTenant(context, context.caller, input);
    return { tenant: await payloadRow(context, info, 'tenant', Tenant, changed) };
  }

  @Requires('operator')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description: 'Deletes a tenant with everything that belongs to it.',
  })
  deleteTenant(
    @InputArg(() => DeleteTenantInput) input: DeleteTenantInput,
    @Ctx() context: RequestContext,
  ): Promise<DeletionPayload> {
    return deleteTenant(context, context.caller, input);
  }
}
