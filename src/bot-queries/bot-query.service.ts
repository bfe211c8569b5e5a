import type { Caller } from '../auth/caller.js';
import type { RowKey } from '../db/read-model.js';
import { tenantInput } from '../graphql/input-checks.js';
import { newValues } from '../graphql/settable-fields.js';
import { recordedForOperators, rowDetailsOf } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { idAndTimeOf, insertRow } from '../writes/rows.js';
import type { RecordBotQueryInput } from './bot-query-mutations.inputs.js';
import { BotQuery } from './bot-query.entity.js';

/** Logs a question that another program put to a bot, with the API key of the request. */
export async function recordBotQuery(
  db: Db,
  caller: Caller,
  input: RecordBotQueryInput,
): Promise<RowKey> {
  const { principal } = caller;
  const tenantId = tenantInput(caller, input.tenantId);
  const { id, createdAt } = idAndTimeOf(input);
  // Without `botId` the database chooses the tenant's oldest bot.
  const botQuery = {
    ...newValues(BotQuery, input),
    id,
    createdAt,
    tenantId,
    apiKeyId: principal.kind === 'apiKey' ? principal.keyId : null,
  };
  return change<RowKey>(db, caller, {
    verb: 'recordBotQuery',
    input,
    async work(em) {
      await insertRow(em, BotQuery, botQuery);
      return {
        outcome: { id, tenantId },
        audit: recordedForOperators({
          tenantId,
          targetType: 'BotQuery',
          targetId: id,
          details: rowDetailsOf(BotQuery, input, 'tenantId'),
        }),
      };
    },
  });
}
