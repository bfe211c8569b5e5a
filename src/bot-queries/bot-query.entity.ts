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
import {
  DateTimeFilter,
  IDFilter,
  IntFilter,
  StringFilter,
  enumFilter,
} from '../graphql/filters.js';
import {
  intInput,
  jsonInput,
  listInput,
  longTextInput,
  textInput,
} from '../graphql/input-checks.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';

const MAX_INT = 2 ** 31 - 1;
const MAX_SOURCES = 100;

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

const ConfidenceFilter = enumFilter<Confidence>(Confidence, 'Confidence');

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
@Check({
  name: 'bot_queries_sources_are_objects',
  expression:
    `not coalesce(jsonb_path_match(sources, 'strict $[*].type() != "object"', '{}', true), ` +
    'false)',
})
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
  @Filterable(() => IDFilter, "The query's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** Without a foreign key of its own: the bot's, which holds `tenant_id` too, implies it. */
  @ManyToOne({ entity: () => Tenant, ref: true, index: false, createForeignKeyConstraint: false })
  tenant!: Ref<Tenant>;

  @Filterable(() => IDFilter, 'The id of the bot that was asked.', 'botId')
  @Settable(() => ID, {
    name: 'botId',
    create: "The bot that was asked; the tenant's oldest bot if omitted.",
    isAudited: true,
    check: uuidInput,
  })
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
  @Filterable(() => IDFilter, 'The id of the key that logged the question.', 'apiKeyId')
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
  @Filterable(() => StringFilter, 'What was asked.')
  @Settable(() => String, {
    create: 'What was asked, 1 to 8,000 characters.',
    isRequired: true,
    check: (field, query: string) => textInput(field, query, 8_000),
  })
  @Property({ type: 'text' })
  query!: string;

  @Field(() => String, { description: 'What the bot answered.' })
  @Filterable(() => StringFilter, 'What the bot answered.')
  @Settable(() => String, {
    create: 'What the bot answered, at most 100,000 bytes in UTF-8.',
    isRequired: true,
    check: (field, answer: string) => longTextInput(field, answer, 100_000),
  })
  @Property({ type: 'text' })
  answer!: string;

  @Field(() => Confidence, {
    nullable: true,
    description: 'How sure the bot was; null if this was not recorded.',
  })
  @Filterable(() => ConfidenceFilter, 'How sure the bot was.')
  @Sortable('How sure the bot was, by name.')
  @Settable(() => Confidence, { create: 'How sure the bot was.', isNullable: true })
  @Property({ type: 'string', length: 50, nullable: true })
  confidence?: Confidence | null;

  @Field(() => Int, { nullable: true, description: 'How long the answer took, in milliseconds.' })
  @Filterable(() => IntFilter, 'How long the answer took, in milliseconds.')
  @Sortable('How long the answer took.')
  @Settable(() => Int, {
    create: 'How long the answer took, in milliseconds.',
    isNullable: true,
    check: (field, latency: number) => intInput(field, latency, 0, MAX_INT),
  })
  @Property({ type: 'integer', nullable: true })
  latencyMs?: number | null;

  @Field(() => [JSONObjectScalar], {
    description:
      'The passages that the answer is based on, as recorded by the program that answered.',
  })
  @Settable(() => [JSONObjectScalar], {
    create:
      'The passages that the answer is based on, at most 100 and 65,536 bytes; none if omitted.',
    check: (field, sources: Record<string, unknown>[]) =>
      jsonInput(field, listInput(field, sources, 0, MAX_SOURCES)),
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
  @Filterable(() => DateTimeFilter, 'When it was asked.')
  @Sortable('When it was asked.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;
}
