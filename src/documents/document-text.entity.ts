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
import { Bot } from '../bots/bot.entity.js';
import { calendarTimes } from '../db/calendar-times.js';
import { TimestampType } from '../db/column-types.js';
import { tenantPolicies } from '../db/row-policies.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { Document } from './document.entity.js';

/**
 * The text of a document, from which its chunks are cut. Shown nowhere as a whole;
 * `document-texts.ts` writes it, and passages of searches are cut from it. It is replaced, never
 * edited: each new text of a document is its next revision.
 */
@Entity({ tableName: 'doc_texts', ...tenantPolicies('tenant_id') })
@Index({
  name: 'doc_texts_of_document',
  expression:
    'create unique index doc_texts_of_document on doc_texts (tenant_id, doc_id, revision)',
})
@Check({ name: 'doc_texts_revision_positive', expression: 'revision >= 1' })
@Check({ name: 'doc_texts_sha256_is_hex', expression: `sha256 ~ '^[0-9a-f]{64}$'` })
@Check(calendarTimes('doc_texts', 'created_at'))
@Trigger({
  name: 'doc_texts_choose_bot',
  timing: 'before',
  events: ['insert'],
  expression:
    'create trigger doc_texts_choose_bot before insert on doc_texts for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_chunk()',
})
export class DocumentText {
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /** As in `DocumentChunk`, the document's foreign key implies this one and the bot's. */
  @ManyToOne({
    entity: () => Tenant,
    ref: true,
    hidden: true,
    index: false,
    createForeignKeyConstraint: false,
  })
  tenant!: Ref<Tenant>;

  @ManyToOne({
    entity: () => Bot,
    ref: true,
    hidden: true,
    joinColumns: ['tenant_id', 'bot_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    index: false,
    createForeignKeyConstraint: false,
  })
  bot!: Ref<Bot>;

  @ManyToOne({
    entity: () => Document,
    ref: true,
    hidden: true,
    joinColumns: ['tenant_id', 'bot_id', 'doc_id'],
    referencedColumnNames: ['tenant_id', 'bot_id', 'id'],
    updateRule: 'cascade',
    deleteRule: 'cascade',
    index: false,
    foreignKeyName: 'doc_texts_document_fk',
  })
  document!: Ref<Document>;

  /** From 1. */
  @Property({ type: 'integer' })
  revision!: number;

  @Property({ type: 'text', lazy: true })
  text!: string;

  /** Of the text in UTF-8, as hexadecimal digits. */
  @Property({ type: 'string', length: 64 })
  sha256!: string;

  /**
   * Where each page of the original begins, in characters from the start of the text; null where it
   * has no pages.
   */
  @Property({ type: 'array', columnType: 'int[]', nullable: true, lazy: true })
  pageStarts?: number[] | null;

  /** What has read it from a file; null for a text that was given as such. */
  @Property({ type: 'string', length: 100, nullable: true })
  extractor?: string | null;

  @Property({ type: 'string', length: 100, nullable: true })
  extractorVersion?: string | null;

  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;
}
