import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { v7 } from 'uuid';
import { Requires } from '../auth/requires.js';
import { runInWrite } from '../db/run-in-write.js';
import type { RequestContext } from '../graphql/context.js';
import { InputArg } from '../graphql/input-arg.js';
import {
  intInput,
  jsonInput,
  listInput,
  longTextInput,
  tenantInput,
  textInput,
} from '../graphql/input-checks.js';
import { mutate } from '../graphql/mutation.js';
import { writtenRow, type Written } from '../graphql/row-by-id.js';
import { uuidInput } from '../graphql/uuid-input.js';
import {
  MAX_ANSWER_BYTES,
  MAX_QUERY_LENGTH,
  MAX_SOURCES,
  RecordBotQueryInput,
  RecordBotQueryPayload,
} from './bot-query-mutations.inputs.js';
import { BotQuery } from './bot-query.entity.js';

const MAX_INT = 2 ** 31 - 1;

@Resolver()
export class BotQueryMutationsResolver {
  @Requires('ask')
  @Mutation(() => RecordBotQueryPayload, {
    nullable: true,
    description:
      'Logs a question that a bot was asked by another program, under the API key that is used.',
  })
  async recordBotQuery(
    @InputArg(() => RecordBotQueryInput) input: RecordBotQueryInput,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<RecordBotQueryPayload> {
    const { principal } = context;
    const tenantId = tenantInput(context, input.tenantId);
    const id = v7();
    const values = [
      id,
      tenantId,
      input.botId == null ? null : uuidInput('input.botId', input.botId),
      principal.kind === 'apiKey' ? principal.keyId : null,
      textInput('input.query', input.query, MAX_QUERY_LENGTH),
      longTextInput('input.answer', input.answer, MAX_ANSWER_BYTES),
      input.confidence ?? null,
      input.latencyMs == null ? null : intInput('input.latencyMs', input.latencyMs, 0, MAX_INT),
      JSON.stringify(
        jsonInput('input.sources', listInput('input.sources', input.sources ?? [], 0, MAX_SOURCES)),
      ),
    ];
    const made = await mutate<Written>(context, info, {
      input,
      async work(em) {
        await runInWrite(
          em,
          `insert into bot_queries
             (id, tenant_id, bot_id, api_key_id, query, answer, confidence, latency_ms, sources)
           values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, $6, $7, $8, $9::jsonb)`,
          values,
        );
        return { id, tenantId };
      },
    });
    return { botQuery: await writtenRow(context, info, 'botQuery', BotQuery, made) };
  }
}
