import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { IDEMPOTENCY_KEY } from '../writes/idempotency.js';
import { JSONObjectScalar } from '../graphql/scalars.js';
import { BotQuery, Confidence } from './bot-query.entity.js';

export const MAX_QUERY_LENGTH = 8_000;
export const MAX_ANSWER_BYTES = 100_000;
export const MAX_SOURCES = 100;

@InputType({ description: 'A question that another program asked a bot, and the answer.' })
export class RecordBotQueryInput {
  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant of the bot. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "The bot that was asked; the tenant's oldest bot if omitted.",
  })
  botId?: string | null;

  @Field(() => String, { description: 'What was asked, 1 to 8,000 characters.' })
  query!: string;

  @Field(() => String, { description: 'What the bot answered, at most 100,000 bytes in UTF-8.' })
  answer!: string;

  @Field(() => Confidence, { nullable: true, description: 'How sure the bot was.' })
  confidence?: Confidence | null;

  @Field(() => Int, { nullable: true, description: 'How long the answer took, in milliseconds.' })
  latencyMs?: number | null;

  @Field(() => [JSONObjectScalar], {
    nullable: true,
    description:
      'The passages that the answer is based on, at most 100 and 65,536 bytes; none if omitted.',
  })
  sources?: Record<string, unknown>[] | null;

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
