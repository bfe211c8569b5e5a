// Longer than 300 lines: each column says all that it can do.
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
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { Bot } from '../bots/bot.entity.js';
import { NameType, TextArrayType, TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { touchTrigger, tenantPolicies } from '../db/row-policies.js';
import {
  BigIntFilter,
  DateTimeFilter,
  IDFilter,
  JSONObjectFilter,
  StringFilter,
  StringListFilter,
  enumFilter,
} from '../graphql/filters.js';
import { intInput, lineInput, longTextInput } from '../graphql/input-checks.js';
import { languageInput } from '../graphql/language-input.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { BigIntScalar, DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { tagsInput } from './tags.js';

/** A pebibyte would be more than anybody stores; the sum of all must stay a 64-bit number. */
const MAX_SIZE_BYTES = 2 ** 40;

export enum DocumentStatus {
  PENDING = 'pending',
  PROCESSING = 'processing',
  COMPLETED = 'completed',
  FAILED = 'failed',
}
registerEnumType(DocumentStatus, {
  name: 'DocumentStatus',
  description: 'How far a document has been processed.',
  valuesConfig: {
    PENDING: { description: 'Waiting to be processed.' },
    PROCESSING: { description: 'Being split and embedded.' },
    COMPLETED: { description: 'All chunks are stored and can be found.' },
    FAILED: { description: 'Processing stopped; `errorMessage` says why.' },
  },
});

/** Adds to the tenant's `storage_used_bytes` what a statement changed. */
function storageCounter(
  what: string,
  event: 'insert' | 'update' | 'delete',
  tables: string,
): Parameters<typeof Trigger>[0] {
  const name = `docs_count_storage_${what}`;
  const expression =
    `create trigger ${name} after ${event} on docs referencing ${tables} ` +
    'for each statement execute function weaver_count_storage()';
  return { name, timing: 'after', events: [event], forEach: 'statement', expression };
}

const DocumentStatusFilter = enumFilter<DocumentStatus>(DocumentStatus, 'DocumentStatus');

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'A text that a bot can answer from.',
})
@Entity({ tableName: 'docs', ...tenantPolicies('tenant_id') })
@Unique({ name: 'docs_of_bot', properties: ['tenant', 'bot', 'id'] })
@Index({ name: 'docs_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({ name: 'docs_of_bot_by_creation', properties: ['tenant', 'bot', 'createdAt', 'id'] })
@Index({ name: 'docs_by_filename', properties: ['tenant', 'filename', 'id'] })
@Index({ name: 'docs_by_status', properties: ['tenant', 'status', 'createdAt', 'id'] })
@Index({
  name: 'docs_in_alphabet',
  expression: 'create index docs_in_alphabet on docs (tenant_id, weaver_sort_key(filename), id)',
})
@Index({
  name: 'docs_by_language',
  expression:
    'create index docs_by_language on docs (tenant_id, language) where language is not null',
})
@Index({
  name: 'docs_by_content',
  expression:
    'create index docs_by_content on docs (tenant_id, content_sha256) ' +
    'where content_sha256 is not null',
})
@Check({ name: 'docs_filename_not_empty', expression: 'char_length(filename::text) >= 1' })
@Check({ name: 'docs_size_not_negative', expression: 'size_bytes >= 0' })
@Check({
  name: 'docs_status_known',
  expression: `status in ('pending', 'processing', 'completed', 'failed')`,
})
@Check({
  name: 'docs_tags_are_texts',
  expression: 'coalesce(array_ndims(tags), 1) = 1 and array_position(tags, null) is null',
})
@Check({ name: 'docs_metadata_is_object', expression: `jsonb_typeof(metadata) = 'object'` })
@Check({
  name: 'docs_content_sha256_is_hex',
  expression: `content_sha256 ~ '^[0-9a-f]{64}$'`,
})
@Check({ name: 'docs_language_is_code', expression: `language ~ '^[a-z]{2}$'` })
@Check(calendarTimes('docs', 'created_at', 'updated_at'))
@Trigger(touchTrigger('docs'))
@Trigger({
  name: 'docs_choose_bot',
  timing: 'before',
  events: ['insert'],
  expression:
    'create trigger docs_choose_bot before insert on docs for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_oldest_bot()',
})
@Trigger(storageCounter('added', 'insert', 'new table as added'))
@Trigger(storageCounter('changed', 'update', 'old table as removed new table as added'))
@Trigger(storageCounter('removed', 'delete', 'old table as removed'))
@Trigger({
  name: 'docs_words',
  timing: 'after',
  events: ['update'],
  expression:
    'create trigger docs_words after update of language on docs for each row ' +
    'when (old.language is distinct from new.language) ' +
    'execute function weaver_words_of_document()',
})
@Trigger({
  name: 'docs_renamed',
  timing: 'after',
  events: ['update'],
  expression:
    'create trigger docs_renamed after update of filename on docs for each row ' +
    'when (old.filename is distinct from new.filename) ' +
    'execute function weaver_words_of_document()',
})
export class Document {
  @Field(() => ID, { description: "The document's UUID." })
  @Filterable(() => IDFilter, "The document's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** Without a foreign key of its own: the bot's, which holds `tenant_id` too, implies it. */
  @ManyToOne({ entity: () => Tenant, ref: true, index: false, createForeignKeyConstraint: false })
  tenant!: Ref<Tenant>;

  @Filterable(() => IDFilter, "The id of the document's bot.", 'botId')
  @Settable(() => ID, {
    name: 'botId',
    create: "The bot that answers from it; the tenant's oldest bot if omitted.",
    update: 'Another bot of the same tenant. The chunks move too.',
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
    foreignKeyName: 'docs_bot_fk',
  })
  bot!: Ref<Bot>;

  @Field(() => String, { description: 'The file name, 1 to 500 characters.' })
  @Filterable(() => StringFilter, 'The file name.')
  @Sortable('Its file name.')
  @Settable(() => String, {
    create: 'The file name, 1 to 500 characters.',
    update: 'A new file name, 1 to 500 characters.',
    isRequired: true,
    isAudited: true,
    check: (field, filename: string) => lineInput(field, filename, 500),
  })
  @Property({ type: NameType, length: 500 })
  filename!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The address of the original file; null if the document was created from a text.',
  })
  @Filterable(() => StringFilter, 'The address of the original file.')
  @Settable(() => String, {
    create: 'The address of the original file, 1 to 1,000 characters. Set either this or `text`.',
    update: 'The address of the original file, 1 to 1,000 characters; null removes it.',
    isNullable: true,
    check: (field, sourceUri: string) => lineInput(field, sourceUri, 1_000),
  })
  @Property({ type: 'string', length: 1000, nullable: true, fieldName: 'gcs_path' })
  sourceUri?: string | null;

  @Field(() => BigIntScalar, {
    description: 'Size of the original file, or of the text in UTF-8, in bytes.',
  })
  @Filterable(() => BigIntFilter, 'Size of the original in bytes.')
  @Sortable('Its size.')
  @Settable(() => BigIntScalar, {
    create:
      'Size of the file at `sourceUri` in bytes, 0 to 1,099,511,627,776; 0 if omitted. ' +
      'The size of `text` is calculated.',
    update:
      'Size of the file at `sourceUri` in bytes, 0 to 1,099,511,627,776. The size of a ' +
      'text is calculated.',
    check: (field, bytes: string) => intInput(field, Number(bytes), 0, MAX_SIZE_BYTES, bytes),
  })
  @Property({ type: 'bigint' })
  sizeBytes!: string;

  @Field(() => DocumentStatus, { description: 'How far processing has come.' })
  @Filterable(() => DocumentStatusFilter, 'How far processing has come.')
  @Sortable('How far processing has come, by name.')
  @Settable(() => DocumentStatus, {
    create: 'How far the file at `sourceUri` has been processed; `PENDING` if omitted.',
    update: 'How far processing has come, for programs that process files themselves.',
  })
  @Property({ type: 'string', length: 50, default: 'pending' })
  status!: DocumentStatus & Opt;

  @Field(() => String, {
    nullable: true,
    description: 'Why processing failed; null while it has not.',
  })
  @Filterable(() => StringFilter, 'Why processing failed.')
  @Settable(() => String, {
    update: 'Why processing failed, at most 10,000 bytes in UTF-8; null removes the reason.',
    isNullable: true,
    check: (field, message: string) => longTextInput(field, message, 10_000),
  })
  @Property({ type: 'text', nullable: true })
  errorMessage?: string | null;

  @Field(() => [String], {
    description: 'Words to find the document by, in the order in which they were given.',
  })
  @Filterable(() => StringListFilter, 'The tags.')
  @Settable(() => [String], {
    create:
      'At most 50 tags of 1 to 100 characters each; none if omitted. Duplicates are stored once.',
    update:
      'New tags, which replace all old ones: at most 50 of 1 to 100 characters each. Duplicates ' +
      'are stored once; an empty list removes all tags.',
    isAudited: true,
    check: tagsInput,
  })
  @Property({ type: TextArrayType, columnType: 'text[]', defaultRaw: `'{}'::text[]` })
  tags!: string[] & Opt;

  @Field(() => String, {
    nullable: true,
    description: 'The language of the text, in two letters; null: that of the bot.',
  })
  @Filterable(() => StringFilter, 'Its language.')
  @Settable(() => String, {
    create:
      'The language of the text, in two letters such as `de` (ISO 639-1); that of the ' +
      'bot if omitted.',
    update:
      'The language of the text, in two letters such as `de`; null for that of the bot. ' +
      'Its words are read anew.',
    isNullable: true,
    isAudited: true,
    check: languageInput,
  })
  @Property({ type: 'string', length: 2, nullable: true })
  language?: string | null;

  @Field(() => JSONObjectScalar, {
    description:
      'The metadata that was given with its text or its file, which every chunk of that has; ' +
      'empty where none was given.',
  })
  @Filterable(() => JSONObjectFilter, 'The metadata that was given with it.')
  @Property({ type: 'json', columnType: 'jsonb', defaultRaw: `'{}'::jsonb` })
  metadata!: Record<string, unknown> & Opt;

  @Field(() => String, {
    nullable: true,
    description:
      'The SHA-256 of the file, or of the text in UTF-8, as 64 hexadecimal digits; null where ' +
      'Weaver does not know the content.',
  })
  @Filterable(() => StringFilter, 'The SHA-256 of its content.')
  @Property({ type: 'string', length: 64, nullable: true })
  contentSha256?: string | null;

  @Field(() => DateTimeScalar, { description: 'When the document was added.' })
  @Filterable(() => DateTimeFilter, 'When it was added.')
  @Sortable('When it was added.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the document was last changed.' })
  @Filterable(() => DateTimeFilter, 'When it was last changed.')
  @Sortable('When it was last changed.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  updatedAt!: string & Opt;
}
