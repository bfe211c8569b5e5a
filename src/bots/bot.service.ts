import { v7 } from 'uuid';
import type { Caller } from '../auth/caller.js';
import type { RowKey } from '../db/read-model.js';
import type { DeletionPayload } from '../graphql/deletion.js';
import {
  changeInput,
  jsonInput,
  lineInput,
  definedChanges,
  tenantInput,
} from '../graphql/input-checks.js';
import { detailsOf, notRecorded, recordedForOperators } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { checkConfirm, countBelow } from '../writes/deletion.js';
import { lockRow } from '../writes/lock-row.js';
import { deleteRow, insertRow, updateRow } from '../writes/rows.js';
import {
  MAX_NAME_LENGTH,
  type CreateBotInput,
  type DeleteBotInput,
  type UpdateBotInput,
} from './bot-mutations.inputs.js';
import { Bot } from './bot.entity.js';

const nameInput = (name: string): string => lineInput('input.name', name, MAX_NAME_LENGTH);
const configInput = (config: Record<string, unknown>): Record<string, unknown> =>
  jsonInput('input.config', config);

/** A new bot. */
export async function createBot(db: Db, caller: Caller, input: CreateBotInput): Promise<RowKey> {
  const tenantId = tenantInput(caller, input.tenantId);
  const bot = { name: nameInput(input.name), config: configInput(input.config ?? {}) };
  return change<RowKey>(db, caller, {
    verb: 'createBot',
    input,
    async work(em) {
      const id = v7();
      await insertRow(em, Bot, { ...bot, id, tenantId });
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Bot',
          targetId: id,
          details: detailsOf(input, 'tenantId', 'name'),
        }),
      };
    },
  });
}

/** Changes a bot. */
export async function updateBot(db: Db, caller: Caller, input: UpdateBotInput): Promise<RowKey> {
  const changes = definedChanges({
    name: changeInput('input.name', input.name, nameInput),
    config: changeInput('input.config', input.config, configInput),
  });
  return change<RowKey>(db, caller, {
    verb: 'updateBot',
    input,
    async work(em) {
      const { id, tenantId } = await lockRow(em, caller, Bot, input);
      await updateRow(em, Bot, { id, tenantId }, { ...changes });
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'Bot',
          targetId: id,
          details: detailsOf(input, 'id', 'name'),
        }),
      };
    },
  });
}

/** Deletes a bot with everything below it, or counts that. The last bot of a tenant stays. */
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
      const counts = await countBelow(em, 'bot', bot);
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
