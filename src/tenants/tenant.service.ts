import type { Caller } from '../auth/caller.js';
import { AppError } from '../base/app-error.js';
import type { RowKey } from '../db/read-model.js';
import type { DeletionPayload } from '../graphql/deletion.js';
import { tenantInput } from '../graphql/input-checks.js';
import { changedValues, newValues } from '../graphql/settable-fields.js';
import {
  detailsOf,
  notRecorded,
  recorded,
  recordedForOperators,
  rowDetailsOf,
} from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { checkConfirm, countDependentRows } from '../writes/deletion.js';
import { lockRow } from '../writes/lock-row.js';
import { deleteRow, idAndTimeOf, insertRow, updateRow } from '../writes/rows.js';
import type {
  CreateTenantInput,
  DeleteTenantInput,
  UpdateTenantInput,
} from './tenant-mutations.inputs.js';
import { Tenant } from './tenant.entity.js';

/** Creates a tenant. The database creates a bot with it. */
export async function createTenant(
  db: Db,
  caller: Caller,
  input: CreateTenantInput,
): Promise<RowKey> {
  const tenant = newValues(Tenant, input);
  return change<RowKey>(db, caller, {
    verb: 'createTenant',
    input,
    async work(em) {
      const { id, createdAt } = idAndTimeOf(input);
      await insertRow(em, Tenant, { ...tenant, id, createdAt });
      return {
        outcome: { id, tenantId: id },
        audit: recorded({
          tenantId: id,
          targetType: 'Tenant',
          targetId: id,
          details: rowDetailsOf(Tenant, input),
        }),
      };
    },
  });
}

/** Changes a tenant. Owners can change the name, the operator also the plan. */
export async function updateTenant(
  db: Db,
  caller: Caller,
  input: UpdateTenantInput,
): Promise<RowKey> {
  const id = tenantInput(caller, input.id, 'input.id');
  const changes = changedValues(Tenant, input);
  if (changes.planTier !== undefined && caller.principal.kind !== 'operator') {
    throw new AppError('FORBIDDEN', 'Only the operator can set input.planTier.', {
      field: 'input.planTier',
    });
  }
  return change<RowKey>(db, caller, {
    verb: 'updateTenant',
    input,
    async work(em) {
      const tenant = await lockRow(em, caller, Tenant, { ...input, id });
      await updateRow(em, Tenant, tenant, changes);
      return {
        outcome: { id: tenant.id, tenantId: tenant.id },
        audit: recordedForOperators({
          tenantId: tenant.id,
          targetType: 'Tenant',
          targetId: tenant.id,
          details: rowDetailsOf(Tenant, input, 'id'),
        }),
      };
    },
  });
}

/**
 * Deletes a tenant with everything that belongs to it except its audit log. A dry run only counts
 * that.
 */
export async function deleteTenant(
  db: Db,
  caller: Caller,
  input: DeleteTenantInput,
): Promise<DeletionPayload> {
  return change<DeletionPayload>(db, caller, {
    verb: 'deleteTenant',
    input,
    async work(em) {
      const tenant = await lockRow<{ name: string }>(em, caller, Tenant, input, {
        properties: ['name'],
        forDelete: !input.dryRun,
      });
      const counts = await countDependentRows(em, 'tenant', tenant);
      if (input.dryRun)
        return {
          outcome: { deletedId: null, counts },
          audit: notRecorded('A dry run changes nothing.'),
        };
      checkConfirm(input.confirm, tenant.name);
      await deleteRow(em, Tenant, tenant);
      return {
        outcome: { deletedId: tenant.id, counts },
        audit: recorded({
          tenantId: tenant.id,
          targetType: 'Tenant',
          targetId: tenant.id,
          details: { ...detailsOf(input, 'id'), name: tenant.name },
        }),
      };
    },
  });
}
