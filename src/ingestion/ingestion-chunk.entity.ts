import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/legacy';
import { HalfvecType } from 'pgvector/mikro-orm';
import { TextArrayType } from '../db/column-types.js';
import { tenantPolicies } from '../db/row-policies.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { Ingestion } from './ingestion.entity.js';

/**
 * A chunk to be, beside those of the document until it replaces them: an attempt that follows one
 * that failed embeds only what is missing. Shown nowhere; `staging.ts` writes it.
 */
@Entity({ tableName: 'ingestion_chunks', ...tenantPolicies('tenant_id') })
@Index({
  name: 'ingestion_chunks_of_ingestion',
  expression:
    'create unique index ingestion_chunks_of_ingestion on ingestion_chunks ' +
    '(tenant_id, ingestion_id, chunk_index)',
})
@Index({
  name: 'ingestion_chunks_by_input',
  expression:
    'create index ingestion_chunks_by_input on ingestion_chunks (tenant_id, input_sha256) ' +
    'where model is not null',
})
@Check({ name: 'ingestion_chunks_index_not_negative', expression: 'chunk_index >= 0' })
@Check({ name: 'ingestion_chunks_page_positive', expression: 'page_num >= 1' })
@Check({
  name: 'ingestion_chunks_place_in_text',
  expression: 'text_start >= 0 and text_end > text_start',
})
@Check({
  name: 'ingestion_chunks_sha256_is_hex',
  expression: `input_sha256 ~ '^[0-9a-f]{64}$'`,
})
export class IngestionChunk {
  /** That of the chunk which it becomes. */
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  @ManyToOne({
    entity: () => Tenant,
    ref: true,
    hidden: true,
    index: false,
    createForeignKeyConstraint: false,
  })
  tenant!: Ref<Tenant>;

  @ManyToOne({
    entity: () => Ingestion,
    ref: true,
    hidden: true,
    joinColumns: ['tenant_id', 'ingestion_id'],
    referencedColumnNames: ['tenant_id', 'id'],
    deleteRule: 'cascade',
    index: false,
    foreignKeyName: 'ingestion_chunks_ingestion_fk',
  })
  ingestion!: Ref<Ingestion>;

  @Property({ type: 'integer' })
  chunkIndex!: number;

  @Property({ type: 'text' })
  text!: string;

  /** What stands before its text where it is embedded: `chunking/chunk-context.ts`. */
  @Property({ type: 'text' })
  context!: string;

  @Property({ type: TextArrayType, columnType: 'text[]', defaultRaw: `'{}'::text[]` })
  headings!: string[] & Opt;

  @Property({ type: 'text', nullable: true })
  tableHeader?: string | null;

  @Property({ type: 'integer', nullable: true })
  pageNum?: number | null;

  @Property({ type: 'integer' })
  textStart!: number;

  @Property({ type: 'integer' })
  textEnd!: number;

  /** Of what is embedded of it in UTF-8, as hexadecimal digits. */
  @Property({ type: 'string', length: 64 })
  inputSha256!: string;

  /** Which has made its vector; null while it has none. */
  @Property({ type: 'string', length: 255, nullable: true })
  model?: string | null;

  @Property({
    type: HalfvecType,
    length: 1536,
    nullable: true,
    lazy: true,
    ignoreSchemaChanges: ['type'],
  })
  embedding?: number[] | null;
}
