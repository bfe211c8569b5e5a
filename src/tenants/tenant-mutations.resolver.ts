import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { v7 } from 'uuid';
import { Requires } from '../auth/requires.js';
import { AppError } from '../base/app-error.js';
import type { RequestContext } from '../graphql/context.js';
import { checkConfirm, countBelow, DeletionPayload } from '../graphql/deletion.js';
import { InputArg } from '../graphql/input-arg.js';
import { changeInput, namedChanges, tenantInput, lineInput } from '../graphql/input-checks.js';
import { lockedRow } from '../graphql/locked-row.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import {
  CreateTenantInput,
  CreateTenantPayload,
  DeleteTenantInput,
  MAX_NAME_LENGTH,
  MAX_PLAN_LENGTH,
  UpdateTenantInput,
  UpdateTenantPayload,
} from './tenant-mutations.inputs.js';
import { Tenant } from './tenant.entity.js';

const nameInput = (name: string): string => lineInput('input.name', name, MAX_NAME_LENGTH);
const planInput = (plan: string): string => lineInput('input.planTier', plan, MAX_PLAN_LENGTH);

@Resolver()
export class TenantMutationsResolver {
  @Requires('operator')
  @Mutation(() => CreateTenantPayload, {
    nullable: true,
    description: 'Creates a tenant, and with it its first bot.',
  })
  async createTenant(
    @InputArg(() => CreateTenantInput) input: CreateTenantInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<CreateTenantPayload> {
    const tenant = { name: nameInput(input.name), planTier: planInput(input.planTier ?? 'free') };
    const made = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const id = v7();
        await em.insert(Tenant, { ...tenant, id });
        return { id, tenantId: id };
      },
    });
    return { tenant: await writtenRow(context, info, 'tenant', Tenant, made) };
  }

  @Requires('owner')
  @Mutation(() => UpdateTenantPayload, {
    nullable: true,
    description: 'Changes a tenant: its owners the name, an operator the plan as well.',
  })
  async updateTenant(
    @InputArg(() => UpdateTenantInput) input: UpdateTenantInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UpdateTenantPayload> {
    const id = tenantInput(context, input.id, 'input.id');
    const changes = namedChanges({
      name: changeInput('input.name', input.name, nameInput),
      planTier: changeInput('input.planTier', input.planTier, planInput),
    });
    if (changes?.planTier !== undefined && context.principal.kind !== 'operator') {
      throw new AppError('FORBIDDEN', 'input.planTier is for the operator alone.', {
        field: 'input.planTier',
      });
    }
    const changed = await mutate<Written>(context, info, {
      input,
      async work(em) {
        const tenant = await lockedRow(em, context, Tenant, { ...input, id });
        if (changes) await em.nativeUpdate(Tenant, { id: tenant.id }, changes);
        return { id: tenant.id, tenantId: tenant.id };
      },
    });
    return { tenant: await writtenRow(context, info, 'tenant', Tenant, changed) };
  }

  @Requires('operator')
  @Mutation(() => DeletionPayload, {
    nullable: true,
    description: 'Deletes a tenant with everything that belongs to it.',
  })
  deleteTenant(
    @InputArg(() => DeleteTenantInput) input: DeleteTenantInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DeletionPayload> {
    return mutate<DeletionPayload>(context, info, {
      input,
      async work(em) {
        const tenant = await lockedRow<{ name: string }>(em, context, Tenant, input, {
          properties: ['name'],
          forDelete: !input.dryRun,
        });
        const counts = await countBelow(em, context, info, 'tenant', tenant);
        if (input.dryRun) return { deletedId: null, counts };
        checkConfirm(input.confirm, tenant.name);
        await em.nativeDelete(Tenant, { id: tenant.id });
        return { deletedId: tenant.id, counts };
      },
    });
  }
}
