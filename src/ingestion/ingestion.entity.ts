import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
  Trigger,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { Bot } from '../bots/bot.entity.js';
import { TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { tenantPolicies } from '../db/row-policies.js';
import { Document } from '../documents/document.entity.js';
import {
  DateTimeFilter,
  IDFilter,
  IntFilter,
  StringFilter,
  enumFilter,
} from '../graphql/filters.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { BigIntScalar, DateTimeScalar } from '../graphql/scalars.js';
import { Upload } from '../uploads/upload.entity.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { IngestionKind, IngestionState, IngestionStep } from './ingestion.enums.js';

const IngestionStateFilter = enumFilter<IngestionState>(IngestionState, 'IngestionState');
const IngestionStepFilter = enumFilter<IngestionStep>(IngestionStep, 'IngestionStep');
const IngestionKindFilter = enumFilter<IngestionKind>(IngestionKind, 'IngestionKind');

/**
 * How far a file has come on its way to passages. This row is the truth: whoever works on it holds
 * a lease, and `attempt` fences off whoever has lost one (`lease.ts`).
 */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'The processing of a file, from its text to passages that searches find.',
})
@Entity({ tableName: 'ingestions', ...tenantPolicies('tenant_id') })
@Unique({ name: 'ingestions_of_tenant', properties: ['tenant', 'id'] })
@Index({ name: 'ingestions_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({
  name: 'ingestions_of_document',
  expression:
    'create index ingestions_of_document on ingestions (tenant_id, doc_id, created_at, id)',
})
@Index({ name: 'ingestions_by_start', properties: ['tenant', 'startedAt'] })
@Index({
  name: 'ingestions_unfinished',
  expression:
    'create index ingestions_unfinished on ingestions (tenant_id, created_at, id) ' +
    `where state in ('queued', 'running')`,
})
@Index({
  name: 'ingestions_failed',
  expression:
    'create index ingestions_failed on ingestions (tenant_id, created_at, id) ' +
    `where state = 'failed'`,
})
@Index({
  name: 'ingestions_of_upload',
  expression:
    'create index ingestions_of_upload on ingestions (tenant_id, upload_id) ' +
    'where upload_id is not null',
})
@Check({ name: 'ingestions_kind_known', expression: `kind in ('create', 'replace')` })
@Check({ name: 'ingestions_size_not_negative', expression: 'size_bytes >= 0' })
@Check({
  name: 'ingestions_content_sha256_is_hex',
  expression: `content_sha256 ~ '^[0-9a-f]{64}$'`,
})
@Check({ name: 'ingestions_revision_positive', expression: 'revision >= 1' })
@Check({
  name: 'ingestions_state_known',
  expression: `state in ('queued', 'running', 'completed', 'failed', 'cancelled')`,
})
@Check({
  name: 'ingestions_step_known',
  expression: `step in ('extract', 'chunk', 'embed', 'switch')`,
})
@Check({ name: 'ingestions_attempt_not_negative', expression: 'attempt >= 0' })
@Check({ name: 'ingestions_failures_not_negative', expression: 'failures >= 0' })
@Check({ name: 'ingestions_progress', expression: 'done >= 0 and done <= total' })
@Check({ name: 'ingestions_metadata_is_object', expression: `jsonb_typeof(metadata) = 'object'` })
@Check({
  name: 'ingestions_error_complete',
  expression:
    'num_nulls(error_code, error_message, error_retryable) = 0 or ' +
    'num_nulls(error_code, error_message, error_retryable) = 3',
})
@Check(
  calendarTimes(
    'ingestions',
    'lease_until',
    'next_attempt_at',
    'cancelled_at',
    'created_at',
    'started_at',
    'finished_at',
  ),
)
@Trigger({
  name: 'ingestions_choose_bot',
  timing: 'before',
  events: ['insert'],
  expression:
    'create trigger ingestions_choose_bot before insert on ingestions for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_chunk()',
})
@Trigger({
  name: 'ingestions_delete_upload',
  timing: 'after',
  events: ['delete'],
  expression:
    'create trigger ingestions_delete_upload after delete on ingestions for each row ' +
    'when (old.upload_id is not null) execute function weaver_delete_upload_of_ingestion()',
})
export class Ingestion {
  @Field(() => ID, { description: "The ingestion's UUID." })
  @Filterable(() => IDFilter, "The ingestion's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** As in `DocumentChunk`, the document's foreign key implies this one and the bot's. */
  @ManyToOne({ entity: () => Tenant, ref: true, index: false, createForeignKeyConstraint: false })
  tenant!: Ref<Tenant>;

  @ManyToOne({
    entity: () => Bot,
    ref: true,
    joinColumns: ['tenant_id', 'bot_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    index: false,
    createForeignKeyConstraint: false,
  })
  bot!: Ref<Bot>;

  @Filterable(() => IDFilter, 'The id of its document.', 'documentId')
  @ManyToOne({
    entity: () => Document,
    ref: true,
    joinColumns: ['tenant_id', 'bot_id', 'doc_id'],
    referencedColumnNames: ['tenant_id', 'bot_id', 'id'],
    updateRule: 'cascade',
    deleteRule: 'cascade',
    index: false,
    foreignKeyName: 'ingestions_document_fk',
  })
  document!: Ref<Document>;

  /**
   * Deleted with it, by a trigger. The column is named in the delete rule: without it, PostgreSQL
   * would null `tenant_id` too.
   */
  @ManyToOne({
    entity: () => Upload,
    ref: true,
    nullable: true,
    hidden: true,
    joinColumns: ['tenant_id', 'upload_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    deleteRule: 'set null (upload_id)',
    index: false,
    foreignKeyName: 'ingestions_upload_fk',
  })
  upload?: Ref<Upload> | null;

  @Field(() => String, { description: 'The name of the file.' })
  @Filterable(() => StringFilter, 'The name of the file.')
  @Property({ type: 'string', length: 500 })
  filename!: string;

  /** As it was declared. */
  @Property({ type: 'string', length: 255, nullable: true, lazy: true, hidden: true })
  contentType?: string | null;

  @Field(() => BigIntScalar, { description: 'The size of the file in bytes.' })
  @Property({ type: 'bigint' })
  sizeBytes!: string;

  @Property({ type: 'string', length: 64, lazy: true, hidden: true })
  contentSha256!: string;

  @Field(() => IngestionKind, { description: 'What the file is for.' })
  @Filterable(() => IngestionKindFilter, 'What the file is for.')
  @Property({ type: 'string', length: 20 })
  kind!: IngestionKind;

  @Field(() => Int, { description: 'The number that the text of the document gets by it.' })
  @Property({ type: 'integer' })
  revision!: number;

  @Field(() => IngestionState, { description: 'Whether it waits, is being processed or is over.' })
  @Filterable(() => IngestionStateFilter, 'Whether it waits, is being processed or is over.')
  @Sortable('Whether it waits, is being processed or is over, by name.')
  @Property({ type: 'string', length: 20, default: 'queued' })
  state!: IngestionState & Opt;

  @Field(() => IngestionStep, {
    nullable: true,
    description: 'What is or was being done last; null before its first attempt.',
  })
  @Filterable(() => IngestionStepFilter, 'What is or was being done last.')
  @Property({ type: 'string', length: 20, nullable: true })
  step?: IngestionStep | null;

  @Field(() => Int, {
    description: 'How often processing was begun; 0 while it waits for the first time.',
  })
  @Filterable(() => IntFilter, 'How often processing was begun.')
  @Property({ type: 'integer', default: 0 })
  attempt!: number & Opt;

  /** Attempts that ended in a crash or an unexpected error since it was last asked for. */
  @Property({ type: 'integer', default: 0, lazy: true, hidden: true })
  failures!: number & Opt;

  @Field(() => Int, {
    description: 'Chunks that have their vectors. It never falls within an attempt.',
  })
  @Property({ type: 'integer', default: 0 })
  done!: number & Opt;

  @Field(() => Int, { description: 'Chunks of the text; 0 before it is split.' })
  @Property({ type: 'integer', default: 0 })
  total!: number & Opt;

  /** Of the chunks; null for that of the document's first chunk. */
  @Property({ type: 'json', columnType: 'jsonb', nullable: true, lazy: true, hidden: true })
  metadata?: Record<string, unknown> | null;

  @Filterable(() => StringFilter, 'The code of its error.')
  @Property({ type: 'string', length: 50, nullable: true })
  errorCode?: string | null;

  @Property({ type: 'text', nullable: true })
  errorMessage?: string | null;

  @Property({ type: 'boolean', nullable: true })
  errorRetryable?: boolean | null;

  /** What was read from the file, until the document has it. */
  @Property({ type: 'text', nullable: true, lazy: true, hidden: true })
  text?: string | null;

  @Property({ type: 'array', columnType: 'int[]', nullable: true, lazy: true, hidden: true })
  pageStarts?: number[] | null;

  @Property({ type: 'string', length: 100, nullable: true, lazy: true, hidden: true })
  extractor?: string | null;

  @Property({ type: 'string', length: 100, nullable: true, lazy: true, hidden: true })
  extractorVersion?: string | null;

  /** Until then it belongs to one worker. */
  @Property({ type: TimestampType, nullable: true, lazy: true, hidden: true })
  leaseUntil?: string | null;

  @Field(() => DateTimeScalar, {
    description: 'The earliest time of its next attempt, while it is queued.',
  })
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  nextAttemptAt!: string & Opt;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was cancelled; null if it was not.',
  })
  @Property({ type: TimestampType, nullable: true })
  cancelledAt?: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was asked for.' })
  @Filterable(() => DateTimeFilter, 'When it was asked for.')
  @Sortable('When it was asked for.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When its last attempt began; null before the first.',
  })
  @Filterable(() => DateTimeFilter, 'When its last attempt began.')
  @Property({ type: TimestampType, nullable: true })
  startedAt?: string | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was completed, given up or cancelled; null before.',
  })
  @Filterable(() => DateTimeFilter, 'When it was over.')
  @Sortable('When it was over.')
  @Property({ type: TimestampType, nullable: true })
  finishedAt?: string | null;
}
