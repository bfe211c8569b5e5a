import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
  Trigger,
} from '@mikro-orm/decorators/legacy';
import { HalfvecType } from 'pgvector/mikro-orm';
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ApiKey } from '../api-keys/api-key.entity.js';
import { Bot } from '../bots/bot.entity.js';
import { TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { tenantPolicies } from '../db/row-policies.js';
import { Node } from '../graphql/node.js';
import { DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Tenant } from '../tenants/tenant.entity.js';

export enum Confidence {
  HIGH = 'high',
  MEDIUM = 'medium',
  LOW = 'low',
}
registerEnumType(Confidence, {
  name: 'Confidence',
  description: 'How sure a bot was of its answer.',
  valuesConfig: {
    HIGH: { description: 'The documents answer the question.' },
    MEDIUM: { description: 'The documents are related to the question.' },
    LOW: { description: 'Nothing in the documents fits well.' },
  },
});

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'A question that a bot was asked, and what it answered.',
})
@Entity({ tableName: 'bot_queries', ...tenantPolicies('tenant_id') })
@Index({ name: 'bot_queries_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({ name: 'bot_queries_of_bot_by_creation', properties: ['tenant', 'bot', 'createdAt', 'id'] })
@Index({
  name: 'bot_queries_of_key_by_creation',
  properties: ['tenant', 'apiKey', 'createdAt', 'id'],
})
@Check({
  name: 'bot_queries_confidence_known',
  expression: `confidence in ('high', 'medium', 'low')`,
})
@Check({ name: 'bot_queries_latency_not_negative', expression: 'latency_ms >= 0' })
@Check({ name: 'bot_queries_sources_is_array', expression: `jsonb_typeof(sources) = 'array'` })
@Check(calendarTimes('bot_queries', 'created_at'))
@Trigger({
  name: 'bot_queries_choose_bot',
  timing: 'before',
  events: ['insert'],
  expression:
    'create trigger bot_queries_choose_bot before insert on bot_queries for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_oldest_bot()',
})
export class BotQuery {
  @Field(() => ID, { description: "The query's UUID." })
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** Without a foreign key of its own: the bot's, which holds `tenant_id` too, implies it. */
  @ManyToOne({ entity: () => Tenant, ref: true, index: false, createForeignKeyConstraint: false })
  tenant!: Ref<Tenant>;

  @ManyToOne({
    entity: () => Bot,
    ref: true,
    joinColumns: ['tenant_id', 'bot_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    deleteRule: 'cascade',
    index: false,
    foreignKeyName: 'bot_queries_bot_fk',
  })
  bot!: Ref<Bot>;

  /** The column is named in the delete rule: without it, PostgreSQL would null `tenant_id` too. */
  @ManyToOne({
    entity: () => ApiKey,
    ref: true,
    nullable: true,
    joinColumns: ['tenant_id', 'api_key_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    deleteRule: 'set null (api_key_id)',
    index: false,
    foreignKeyName: 'bot_queries_api_key_fk',
  })
  apiKey?: Ref<ApiKey> | null;

  @Field(() => String, { description: 'What was asked.' })
  @Property({ type: 'text' })
  query!: string;

  @Field(() => String, { description: 'What the bot answered.' })
  @Property({ type: 'text' })
  answer!: string;

  @Field(() => Confidence, {
    nullable: true,
    description: 'How sure the bot was; null if this was not recorded.',
  })
  @Property({ type: 'string', length: 50, nullable: true })
  confidence?: Confidence | null;

  @Field(() => Int, { nullable: true, description: 'How long the answer took, in milliseconds.' })
  @Property({ type: 'integer', nullable: true })
  latencyMs?: number | null;

  @Field(() => [JSONObjectScalar], {
    description:
      'The passages that the answer is based on, as recorded by the program that answered.',
  })
  @Property({ type: 'json', columnType: 'jsonb', defaultRaw: `'[]'::jsonb` })
  sources!: Record<string, unknown>[] & Opt;

  @Property({
    type: HalfvecType,
    length: 1536,
    nullable: true,
    lazy: true,
    hidden: true,
    ignoreSchemaChanges: ['type'],
  })
  queryEmbedding?: number[] | null;

  @Field(() => DateTimeScalar, { description: 'When it was asked.' })
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;
}
