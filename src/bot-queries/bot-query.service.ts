import { v7 } from 'uuid';
import type { Caller } from '../auth/caller.js';
import type { RowKey } from '../db/read-model.js';
import {
  intInput,
  jsonInput,
  listInput,
  longTextInput,
  tenantInput,
  textInput,
} from '../graphql/input-checks.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { detailsOf, recordedForOperators } from '../writes/audit.js';
import { change } from '../writes/change.js';
import type { Db } from '../writes/db.js';
import { insertRow } from '../writes/rows.js';
import {
  MAX_ANSWER_BYTES,
  MAX_QUERY_LENGTH,
  MAX_SOURCES,
  type RecordBotQueryInput,
} from './bot-query-mutations.inputs.js';
import { BotQuery } from './bot-query.entity.js';

const MAX_INT = 2 ** 31 - 1;

/** Logs a question that a bot was asked by another program, under the key that is used. */
export async function recordBotQuery(
  db: Db,
  caller: Caller,
  input: RecordBotQueryInput,
): Promise<RowKey> {
  const { principal } = caller;
  const tenantId = tenantInput(caller, input.tenantId);
  const id = v7();
  const botQuery = {
    id,
    tenantId,
    // Null for the tenant's oldest bot, which the database chooses.
    botId: input.botId == null ? null : uuidInput('input.botId', input.botId),
    apiKeyId: principal.kind === 'apiKey' ? principal.keyId : null,
    query: textInput('input.query', input.query, MAX_QUERY_LENGTH),
    answer: longTextInput('input.answer', input.answer, MAX_ANSWER_BYTES),
    confidence: input.confidence ?? null,
    latencyMs:
      input.latencyMs == null ? null : intInput('input.latencyMs', input.latencyMs, 0, MAX_INT),
    sources: jsonInput(
      'input.sources',
      listInput('input.sources', input.sources ?? [], 0, MAX_SOURCES),
    ),
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
          details: detailsOf(input, 'tenantId', 'botId'),
        }),
      };
    },
  });
}
