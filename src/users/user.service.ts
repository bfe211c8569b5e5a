import type { Caller } from '../auth/caller.js';
import { missingPermissions, permissionsOfRole } from '../auth/permissions.js';
import type { UserRole } from '../auth/principal.js';
import { AppError, badInput } from '../base/app-error.js';
import type { RowKey } from '../db/read-model.js';
import type { DeletionPayload } from '../graphql/deletion.js';
import { tenantInput } from '../graphql/input-checks.js';
import { changedValues, newValues } from '../graphql/settable-fields.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { detailsOf, notRecorded, recorded, recordedForOperators } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { lockRow } from '../writes/lock-row.js';
import { deleteRow, idAndTimeOf, insertRow, updateRow } from '../writes/rows.js';
import type { CreateUserInput, DeleteUserInput, UpdateUserInput } from './user-mutations.inputs.js';
import { withUnicodeDomain } from './email-input.js';
import { User } from './user.entity.js';

type Member = { email: string; role: UserRole };

/** Creates a user of a tenant. */
export async function createUser(db: Db, caller: Caller, input: CreateUserInput): Promise<RowKey> {
  const tenantId = tenantInput(caller, input.tenantId);
  const { id: newId, createdAt } = idAndTimeOf(input);
  const id = uuidInput('input.id', newId);
  const { role } = input;
  const user = newValues(User, input);
  refuseToGiveMore(caller, role, 'input.role');
  return change<RowKey>(db, caller, {
    verb: 'createUser',
    input,
    async work(em) {
      await insertRow(em, User, { ...user, id, createdAt, tenantId });
      return {
        outcome: { id, tenantId },
        audit: recorded({ tenantId, targetType: 'User', targetId: id, details: { role } }),
      };
    },
  });
}

/** Changes a user. */
export async function updateUser(db: Db, caller: Caller, input: UpdateUserInput): Promise<RowKey> {
  const changes = changedValues(User, input);
  if (changes.role !== undefined) refuseToGiveMore(caller, changes.role, 'input.role');
  return change<RowKey>(db, caller, {
    verb: 'updateUser',
    input,
    async work(em) {
      const { id, tenantId, email, role } = await lockRow<Member>(em, caller, User, input, {
        properties: ['email', 'role'],
      });
      refuseToGiveMore(caller, role, 'input.id');
      const event = { tenantId, targetType: 'User', targetId: id };
      if (Object.keys(changes).length === 0)
        return {
          outcome: { id, tenantId },
          audit: recordedForOperators({ ...event, details: detailsOf(input, 'id') }),
        };
      await updateRow(em, User, { id, tenantId }, changes);
      const details = {
        role: { before: role, after: changes.role ?? role },
        emailChanged: changes.email !== undefined && changes.email !== email,
      };
      return { outcome: { id, tenantId }, audit: recorded({ ...event, details }) };
    },
  });
}

/** Deletes a user. The last owner of a tenant cannot be deleted. */
export async function deleteUser(
  db: Db,
  caller: Caller,
  input: DeleteUserInput,
): Promise<DeletionPayload> {
  return change<DeletionPayload>(db, caller, {
    verb: 'deleteUser',
    input,
    async work(em) {
      const { id, tenantId, email, role } = await lockRow<Member>(em, caller, User, input, {
        properties: ['email', 'role'],
        forDelete: !input.dryRun,
      });
      refuseToGiveMore(caller, role, 'input.id');
      if (input.dryRun)
        return {
          outcome: { deletedId: null, counts: [] },
          audit: notRecorded('A dry run changes nothing.'),
        };
      if (withUnicodeDomain(input.confirm ?? '') !== withUnicodeDomain(email))
        throw badInput(
          'input.confirm',
          "input.confirm must be the user's exact e-mail address. Nothing was deleted.",
        );
      await deleteRow(em, User, { id, tenantId });
      return {
        outcome: { deletedId: id, counts: [] },
        audit: recorded({ tenantId, targetType: 'User', targetId: id, details: { role } }),
      };
    },
  });
}

/**
 * Throws `FORBIDDEN` if `role` has permissions that the caller does not have. So only owners and
 * the operator can create, change and delete owners.
 */
function refuseToGiveMore({ principal }: Caller, role: UserRole, field: string): void {
  const missing = missingPermissions(principal, permissionsOfRole(role));
  if (missing.length > 0)
    throw new AppError(
      'FORBIDDEN',
      `The role ${role.toUpperCase()} has permissions that you do not have: ` +
        `${missing.join(', ').toUpperCase()}.`,
      { field },
    );
}
