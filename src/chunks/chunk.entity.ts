import type { Opt, Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Formula,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
  Trigger,
} from '@mikro-orm/decorators/legacy';
import { BitType, HalfvecType } from 'pgvector/mikro-orm';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { Requires } from '../auth/requires.js';
import { Bot } from '../bots/bot.entity.js';
import { TextArrayType, TextSearchVectorType, TimestampType } from '../db/column-types.js';
import { calendarTimes } from '../db/calendar-times.js';
import { tenantPolicies } from '../db/row-policies.js';
import { Document } from '../documents/document.entity.js';
import {
  BooleanFilter,
  DateTimeFilter,
  IDFilter,
  IntFilter,
  JSONObjectFilter,
  StringFilter,
} from '../graphql/filters.js';
import { Filterable, Sortable } from '../graphql/listed-fields.js';
import { Node } from '../graphql/node.js';
import { DateTimeScalar, JSONObjectScalar, VectorScalar } from '../graphql/scalars.js';
import { Tenant } from '../tenants/tenant.entity.js';

/**
 * A passage of a document and its vector. Chunks are replaced, never edited: there is no
 * `updated_at`.
 *
 * How it is stored is half of the search's speed (`docs/search-paths.md`): the vector inline in
 * half precision, a one-bit code of each dimension in a covering index that leads with the tenant.
 * The migration sets storage and table options, which no metadata holds. Rows are written by
 * `chunking/store-chunks.ts`, not through the unit of work.
 */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'A passage of a document, which searches can find.',
})
@Entity({ tableName: 'doc_chunks', ...tenantPolicies('tenant_id') })
@Index({
  name: 'doc_chunks_by_position',
  expression:
    'create index doc_chunks_by_position on doc_chunks (tenant_id, doc_id, chunk_index, id)',
})
@Index({
  name: 'doc_chunks_codes',
  expression:
    'create index doc_chunks_codes on doc_chunks (tenant_id, bot_id, doc_id) include ' +
    '(id, embedding_bq)',
})
@Index({
  name: 'doc_chunks_words',
  expression: 'create index doc_chunks_words on doc_chunks using gin (tenant_id, search_vector)',
})
@Index({
  name: 'doc_chunks_metadata',
  expression:
    'create index doc_chunks_metadata on doc_chunks ' +
    'using gin (tenant_id, chunk_metadata jsonb_path_ops)',
})
@Check({ name: 'doc_chunks_index_not_negative', expression: 'chunk_index >= 0' })
@Check({ name: 'doc_chunks_page_positive', expression: 'page_num >= 1' })
@Check({
  name: 'doc_chunks_metadata_is_object',
  expression: `jsonb_typeof(chunk_metadata) = 'object'`,
})
@Check({
  name: 'doc_chunks_headings_are_texts',
  expression: 'coalesce(array_ndims(headings), 1) = 1 and array_position(headings, null) is null',
})
@Check({
  name: 'doc_chunks_place_in_text',
  expression:
    'num_nulls(revision, text_start, text_end) = 3 or num_nulls(revision, text_start, text_end) ' +
    '= 0 and text_start >= 0 and text_end > text_start',
})
@Check(calendarTimes('doc_chunks', 'created_at'))
@Trigger({
  name: 'doc_chunks_choose_bot',
  timing: 'before',
  events: ['insert'],
  expression:
    'create trigger doc_chunks_choose_bot before insert on doc_chunks for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_chunk()',
})
@Trigger({
  name: 'doc_chunks_words',
  timing: 'before',
  events: ['insert', 'update'],
  expression:
    'create trigger doc_chunks_words before insert or update of text, context, doc_id, ' +
    'search_vector on doc_chunks for each row execute function weaver_words_of_chunk()',
})
export class DocumentChunk {
  @Field(() => ID, { description: "The chunk's UUID." })
  @Filterable(() => IDFilter, "The chunk's id.")
  @PrimaryKey({ type: 'uuid', defaultRaw: 'gen_random_uuid()' })
  id!: string & Opt;

  /**
   * Without foreign keys of their own: the document's, which holds tenant and bot too, implies
   * both.
   */
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

  @ManyToOne({
    entity: () => Document,
    ref: true,
    joinColumns: ['tenant_id', 'bot_id', 'doc_id'],
    referencedColumnNames: ['tenant_id', 'bot_id', 'id'],
    updateRule: 'cascade',
    deleteRule: 'cascade',
    index: false,
    foreignKeyName: 'doc_chunks_document_fk',
  })
  document!: Ref<Document>;

  @Field(() => String, { description: 'The passage itself.' })
  @Filterable(() => StringFilter, 'The passage.')
  @Property({ type: 'text' })
  text!: string;

  @Field(() => [String], {
    description:
      'The headings above the beginning of the passage, outermost first: of a text in Markdown ' +
      'that Weaver has split. A heading that the passage begins with is the last of them.',
  })
  @Property({ type: TextArrayType, columnType: 'text[]', defaultRaw: `'{}'::text[]` })
  headings!: string[] & Opt;

  /** Header and rule of the table that the passage continues. */
  @Property({ type: 'text', nullable: true, lazy: true, hidden: true })
  tableHeader?: string | null;

  /**
   * The revision of the document's text that it was cut from, from the character `textStart` up to
   * and without `textEnd`; all three are null where another program has added the chunk.
   */
  @Property({ type: 'integer', nullable: true, lazy: true, hidden: true })
  revision?: number | null;

  @Property({ type: 'integer', nullable: true, lazy: true, hidden: true })
  textStart?: number | null;

  @Property({ type: 'integer', nullable: true, lazy: true, hidden: true })
  textEnd?: number | null;

  @Field(() => Int, { description: 'The position of the passage in its document, from 0.' })
  @Filterable(() => IntFilter, 'Its position in the document, from 0.')
  @Sortable('Its position in the document.')
  @Property({ type: 'integer' })
  chunkIndex!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'Its page in the original, from 1; null if the original has no pages.',
  })
  @Filterable(() => IntFilter, 'Its page in the original, from 1.')
  @Sortable('Its page in the original.')
  @Property({ type: 'integer', nullable: true })
  pageNum?: number | null;

  @Field(() => JSONObjectScalar, {
    description: 'Metadata of the passage; searches can filter by it.',
  })
  @Filterable(() => JSONObjectFilter, 'Its metadata.')
  @Property({
    type: 'json',
    columnType: 'jsonb',
    fieldName: 'chunk_metadata',
    defaultRaw: `'{}'::jsonb`,
  })
  metadata!: Record<string, unknown> & Opt;

  @Field(() => Boolean, {
    description: 'Whether the passage has a vector, so that a search by meaning can find it.',
  })
  @Filterable(() => BooleanFilter, 'Whether it has a vector.')
  @Formula(columns => `${columns.embedding} is not null`, { type: 'boolean' })
  hasEmbedding!: boolean & Opt;

  @Requires('vectors')
  @Field(() => VectorScalar, {
    nullable: true,
    description:
      'The vector, 1536 numbers; null if there is none. Requires the scope VECTORS or ' +
      'WRITE, since a text can be guessed from its vector.',
  })
  @Property({
    type: HalfvecType,
    length: 1536,
    nullable: true,
    lazy: true,
    ignoreSchemaChanges: ['type'],
  })
  embedding?: number[] | null;

  @Property({
    type: BitType,
    length: 1536,
    nullable: true,
    lazy: true,
    hidden: true,
    fieldName: 'embedding_bq',
    generated: '(binary_quantize(embedding)::bit(1536)) stored',
    ignoreSchemaChanges: ['type', 'extra'],
  })
  embeddingCode?: string & Opt;

  /** What stands before its text where it is embedded and indexed: `chunking/chunk-context.ts`. */
  @Property({ type: 'text', nullable: true, lazy: true, hidden: true })
  context?: string | null;

  /** Made by a trigger, whoever writes the text. */
  @Property({
    type: TextSearchVectorType,
    nullable: true,
    lazy: true,
    hidden: true,
  })
  searchVector?: string & Opt;

  @Field(() => DateTimeScalar, { description: 'When the passage was stored.' })
  @Filterable(() => DateTimeFilter, 'When it was stored.')
  @Sortable('When it was stored.')
  @Property({ type: TimestampType, defaultRaw: 'now()' })
  createdAt!: string & Opt;
}
