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
import { badInput } from '../base/app-error.js';
import { Bot } from '../bots/bot.entity.js';
import { calendarTimes } from '../db/calendar-times.js';
import { NameType, TimestampType } from '../db/column-types.js';
import { tenantPolicies, touchTrigger } from '../db/row-policies.js';
import {
  BigIntFilter,
  DateTimeFilter,
  IDFilter,
  StringFilter,
  enumFilter,
} from '../graphql/filters.js';
import { jsonInput, lineInput } from '../graphql/input-checks.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { BigIntScalar, DateTimeScalar, JSONObjectScalar } from '../graphql/scalars.js';
import { Settable } from '../graphql/settable-fields.js';
import { uuidInput } from '../graphql/uuid-input.js';
import { Tenant } from '../tenants/tenant.entity.js';

export enum UploadState {
  WAITING = 'waiting',
  RECEIVING = 'receiving',
  RECEIVED = 'received',
  INGESTED = 'ingested',
}
registerEnumType(UploadState, {
  name: 'UploadState',
  description: 'How far a file has come in.',
  valuesConfig: {
    WAITING: { description: 'Nothing has come yet.' },
    RECEIVING: { description: 'A part is here. The rest can be sent until `expiresAt`.' },
    RECEIVED: { description: 'The whole file is here, and its SHA-256 is right.' },
    INGESTED: { description: 'A document was made of the file.' },
  },
});

const UploadStateFilter = enumFilter<UploadState>(UploadState, 'UploadState');

const IN_PROGRESS = `state in ('waiting', 'receiving')`;
const SHA256 = /^[0-9a-f]{64}$/i;

function sha256Input(field: string, value: string): string {
  const text = lineInput(field, value, 64);
  if (!SHA256.test(text))
    throw badInput(field, `${field} must be a SHA-256 as 64 hexadecimal digits.`);
  return text.toLowerCase();
}

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description:
    'A file that comes in, with the address to send it to. It is deleted at `expiresAt` unless a ' +
    'document was made of it.',
})
@Entity({ tableName: 'uploads', ...tenantPolicies('tenant_id') })
@Unique({ name: 'uploads_of_tenant', properties: ['tenant', 'id'] })
@Index({ name: 'uploads_by_creation', properties: ['tenant', 'createdAt', 'id'] })
@Index({ name: 'uploads_of_bot', properties: ['tenant', 'bot', 'createdAt', 'id'] })
@Index({
  name: 'uploads_by_expiry',
  expression:
    'create index uploads_by_expiry on uploads (tenant_id, expires_at) ' +
    `where state <> 'ingested'`,
})
@Check({ name: 'uploads_filename_not_empty', expression: 'char_length(filename::text) >= 1' })
@Check({ name: 'uploads_size_positive', expression: 'size_bytes >= 1' })
@Check({ name: 'uploads_sha256_is_hex', expression: `sha256 ~ '^[0-9a-f]{64}$'` })
@Check({ name: 'uploads_metadata_is_object', expression: `jsonb_typeof(metadata) = 'object'` })
@Check({
  name: 'uploads_state_known',
  expression: `state in ('waiting', 'receiving', 'received', 'ingested')`,
})
@Check({ name: 'uploads_token_digest_is_hex', expression: `token_digest ~ '^[0-9a-f]{64}$'` })
@Check({
  name: 'uploads_received_within_size',
  expression: 'received_bytes >= 0 and received_bytes <= size_bytes',
})
@Check({
  name: 'uploads_received_is_whole',
  expression: `${IN_PROGRESS} or received_bytes = size_bytes and sha256 is not null`,
})
@Check(calendarTimes('uploads', 'expires_at', 'created_at', 'updated_at'))
@Trigger(touchTrigger('uploads'))
@Trigger({
  name: 'uploads_choose_bot',
  timing: 'before',
  events: ['insert'],
  expression:
    'create trigger uploads_choose_bot before insert on uploads for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_oldest_bot()',
})
@Trigger({
  name: 'uploads_count_storage',
  timing: 'after',
  events: ['insert', 'delete', 'update'],
  expression:
    'create trigger uploads_count_storage after insert or delete or update of state ' +
    'on uploads for each row execute function weaver_count_storage_of_upload()',
})
export class Upload {
  @Field(() => ID, { description: "The upload's UUID." })
  @Filterable(() => IDFilter, "The upload's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** Without a foreign key of its own: the bot's, which holds `tenant_id` too, implies it. */
  @ManyToOne({ entity: () => Tenant, ref: true, index: false, createForeignKeyConstraint: false })
  tenant!: Ref<Tenant>;

  @Filterable(() => IDFilter, "The id of the upload's bot.", 'botId')
  @Settable(() => ID, {
    name: 'botId',
    create: "The bot that will answer from the file; the tenant's oldest bot if omitted.",
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
    foreignKeyName: 'uploads_bot_fk',
  })
  bot!: Ref<Bot>;

  @Field(() => String, { description: 'The file name, 1 to 500 characters.' })
  @Filterable(() => StringFilter, 'The file name.')
  @Settable(() => String, {
    create: 'The file name, 1 to 500 characters.',
    isRequired: true,
    isAudited: true,
    check: (field, filename: string) => lineInput(field, filename, 500),
  })
  @Property({ type: NameType, length: 500 })
  filename!: string;

  @Field(() => BigIntScalar, { description: 'Size of the file in bytes, as it was declared.' })
  @Filterable(() => BigIntFilter, 'Size of the file in bytes.')
  @Sortable('Its size.')
  @Property({ type: 'bigint' })
  sizeBytes!: string;

  @Field(() => BigIntScalar, {
    description: 'How many bytes are stored. Resume after them.',
  })
  @Property({ type: 'bigint', defaultRaw: '0' })
  receivedBytes!: string & Opt;

  @Field(() => String, {
    nullable: true,
    description: 'The media type, as it was declared; null if it was not.',
  })
  @Settable(() => String, {
    create: 'The media type of the file: one of `Upload.accepts`. It is found out if omitted.',
    check: (field, contentType: string) => lineInput(field, contentType, 255).toLowerCase(),
  })
  @Property({ type: 'string', length: 255, nullable: true })
  contentType?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'SHA-256 of the file as 64 hexadecimal digits; null if it was not declared and the file is ' +
      'not yet received.',
  })
  @Settable(() => String, {
    create: 'SHA-256 of the file as 64 hexadecimal digits. If set, another content is refused.',
    check: sha256Input,
  })
  @Property({ type: 'string', length: 64, nullable: true })
  sha256?: string | null;

  @Field(() => JSONObjectScalar, { description: 'Metadata for the document of the file.' })
  @Settable(() => JSONObjectScalar, {
    create: 'Metadata for the document of the file, at most 65,536 bytes; none if omitted.',
    check: (field, metadata: Record<string, unknown>) => jsonInput(field, metadata),
  })
  @Property({ type: 'json', columnType: 'jsonb', defaultRaw: `'{}'::jsonb` })
  metadata!: Record<string, unknown> & Opt;

  @Field(() => UploadState, { description: 'How far the file has come in.' })
  @Filterable(() => UploadStateFilter, 'How far the file has come in.')
  @Property({ type: 'string', length: 50, default: 'waiting' })
  state!: UploadState & Opt;

  /**
   * Counts the requests that sent a part of the file. What the newest has not stored, an older one
   * that still arrives may store no more.
   */
  @Property({ type: 'integer', default: 0 })
  attempt!: number & Opt;

  @Property({ type: 'string', length: 64 })
  tokenDigest!: string;

  @Field(() => DateTimeScalar, {
    description: 'When the upload is deleted, with what has come, unless it is ingested.',
  })
  @Filterable(() => DateTimeFilter, 'When it is deleted.')
  @Sortable('When it is deleted.')
  @Property({ type: TimestampType })
  expiresAt!: string;

  @Field(() => DateTimeScalar, { description: 'When the upload was created.' })
  @Filterable(() => DateTimeFilter, 'When it was created.')
  @Sortable('When it was created.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the upload was last changed.' })
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  updatedAt!: string & Opt;
}
