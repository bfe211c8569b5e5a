import type { Caller } from '../auth/caller.js';
import type { RowKey } from '../db/read-model.js';
import type { DeletionPayload } from '../graphql/deletion.js';
import { tenantInput } from '../graphql/input-checks.js';
import { changedValues, newValues } from '../graphql/settable-fields.js';
import { detailsOf, notRecorded, recordedForOperators, rowDetailsOf } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { checkConfirm, countDependentRows } from '../writes/deletion.js';
import { lockRow } from '../writes/lock-row.js';
import { deleteRow, idAndTimeOf, insertRow, updateRow } from '../writes/rows.js';
import type { CreateBotInput, DeleteBotInput, UpdateBotInput } from './bot-mutations.inputs.js';
import { Bot } from './bot.entity.js';

/** Creates a bot. */
export async function createBot(db: Db, caller: Caller, input: CreateBotInput): Promise<RowKey> {
  const tenantId = tenantInput(caller, input.tenantId);
  const bot = newValues(Bot, input);
  return change<RowKey>(db, caller, {
    verb: 'createBot',
    input,
    async work(em) {
      const { id, createdAt } = idAndTimeOf(input);
      await insertRow(em, Bot, { ...bot, id, createdAt, tenantId });
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Bot',
          targetId: id,
          details: rowDetailsOf(Bot, input, 'tenantId'),
        }),
      };
    },
  });
}

/** Changes a bot. */
export async function updateBot(db: Db, caller: Caller, input: UpdateBotInput): Promise<RowKey> {
  const changes = changedValues(Bot, input);
  return change<RowKey>(db, caller, {
    verb: 'updateBot',
    input,
    async work(em) {
      const { id, tenantId } = await lockRow(em, caller, Bot, input);
      await updateRow(em, Bot, { id, tenantId }, changes);
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Bot',
          targetId: id,
          details: rowDetailsOf(Bot, input, 'id'),
        }),
      };
    },
  });
}

/**
 * Deletes a bot with everything that belongs to it; a dry run only counts that. The last bot of a
 * tenant cannot be deleted.
 */
export async function deleteBot(
  db: Db,
  caller: Caller,
  input: DeleteBotInput,
): Promise<DeletionPayload> {
  return change<DeletionPayload>(db, caller, {
    verb: 'deleteBot',
    input,
    async work(em) {
      const bot = await lockRow<{ name: string }>(em, caller, Bot, input, {
        properties: ['name'],
        forDelete: !input.dryRun,
      });
      const counts = await countDependentRows(em, 'bot', bot);
      if (input.dryRun)
        return {
          outcome: { deletedId: null, counts },
          audit: notRecorded('A dry run changes nothing.'),
        };
      checkConfirm(input.confirm, bot.name);
      await deleteRow(em, Bot, bot);
      return {
        outcome: { deletedId: bot.id, counts },
        audit: recordedForOperators({
          tenantId: bot.tenantId,
          targetType: 'Bot',
          targetId: bot.id,
          details: { ...detailsOf(input, 'id'), name: bot.name },
        }),
      };
    },
  });
}
