import { Migration } from '@mikro-orm/migrations';

const TENANT = "current_setting('app.tenant_id'::text, true)";
/** Rows of the transaction's tenant; none while it names no tenant. */
const OF_TENANT = `tenant_id = nullif(${TENANT}, ''::text)::uuid`;

const DOC_TEXTS = [
  // Longer than a page, so PostgreSQL keeps it compressed beside the table.
  `create table doc_texts (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    bot_id uuid not null,
    doc_id uuid not null,
    revision int not null constraint doc_texts_revision_positive check (revision >= 1),
    text text not null,
    sha256 varchar(64) not null constraint doc_texts_sha256_is_hex ` +
    `check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null default now(),
    constraint doc_texts_document_fk foreign key (tenant_id, bot_id, doc_id) ` +
    `references docs (tenant_id, bot_id, id) on update cascade on delete cascade,
    constraint doc_texts_times_rfc3339 check (weaver_is_rfc3339(created_at))
  )`,
  'create unique index doc_texts_of_document on doc_texts (tenant_id, doc_id, revision)',
  'create trigger doc_texts_choose_bot before insert on doc_texts for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_chunk()',
  'alter table doc_texts enable row level security',
  'alter table doc_texts force row level security',
  'create policy tenant_isolation on doc_texts to weaver_tenant ' +
    `using (${OF_TENANT}) with check (${OF_TENANT})`,
  'create policy operator_all on doc_texts to weaver_operator using (true) with check (true)',
  // No update: a text is replaced, never edited.
  'grant select, insert, delete on doc_texts to weaver_tenant, weaver_operator',
];

// No row is read or written: defaults are constants, which PostgreSQL keeps beside the table, and
// the next migration looks at the rows.
const DOC_CHUNKS = [
  `alter table doc_chunks add column headings text[] not null default '{}'::text[]`,
  'alter table doc_chunks add column table_header text',
  'alter table doc_chunks add column revision int',
  'alter table doc_chunks add column text_start int',
  'alter table doc_chunks add column text_end int',
  'alter table doc_chunks add constraint doc_chunks_headings_are_texts check ' +
    '(coalesce(array_ndims(headings), 1) = 1 and array_position(headings, null) is null) not valid',
  'alter table doc_chunks add constraint doc_chunks_place_in_text check ' +
    '(num_nulls(revision, text_start, text_end) = 3 or num_nulls(revision, text_start, ' +
    'text_end) = 0 and text_start >= 0 and text_end > text_start) not valid',
];

/**
 * Keeps the text of a document beside its chunks, once for each revision, and of each chunk where
 * in it its text stands: `substr(text, text_start + 1, text_end - text_start)`, counted in
 * characters. Chunks of other programs have no such place.
 */
export class Migration20261201400000_texts_of_documents extends Migration {
  override name = 'Migration20261201400000_texts_of_documents';

  override up(): void {
    for (const statement of [...DOC_TEXTS, ...DOC_CHUNKS]) this.addSql(statement);
  }

  override down(): void {
    for (const constraint of ['place_in_text', 'headings_are_texts'])
      this.addSql(`alter table doc_chunks drop constraint doc_chunks_${constraint}`);
    for (const column of ['text_end', 'text_start', 'revision', 'table_header', 'headings'])
      this.addSql(`alter table doc_chunks drop column ${column}`);
    this.addSql('drop table doc_texts');
  }
}
