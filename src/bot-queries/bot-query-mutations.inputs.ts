import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { createInputOf } from '../graphql/settable-fields.js';
import { BotQuery } from './bot-query.entity.js';

@InputType({ description: 'A question that another program asked a bot, and the answer.' })
export class RecordBotQueryInput extends createInputOf(BotQuery) {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the bot. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => String, { nullable: true, description: IDEMPOTENCY_KEY })
  idempotencyKey?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The query that was logged.' })
export class RecordBotQueryPayload {
  @Field(() => BotQuery, {
    description: 'The logged query, with the API key that recorded it.',
  })
  botQuery!: BotQuery;
}
