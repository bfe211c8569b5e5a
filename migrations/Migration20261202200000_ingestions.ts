import { Migration } from '@mikro-orm/migrations';

/** Rows of the transaction's tenant; none while it names no tenant. */
const TENANT = `nullif(current_setting('app.tenant_id'::text, true), ''::text)::uuid`;
const OF_TENANT = `tenant_id = ${TENANT}`;

const wallsOf = (table: string): string[] => [
  `alter table ${table} enable row level security`,
  `alter table ${table} force row level security`,
  `create policy tenant_isolation on ${table} to weaver_tenant ` +
    `using (${OF_TENANT}) with check (${OF_TENANT})`,
  `create policy operator_all on ${table} to weaver_operator using (true) with check (true)`,
];

const INGESTIONS = [
  // `text` and what was found with it stay until the document has them or the ingestion ends.
  `create table ingestions (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    bot_id uuid not null,
    doc_id uuid not null,
    upload_id uuid,
    filename varchar(500) not null,
    content_type varchar(255),
    size_bytes bigint not null constraint ingestions_size_not_negative check (size_bytes >= 0),
    content_sha256 varchar(64) not null constraint ingestions_content_sha256_is_hex ` +
    `check (content_sha256 ~ '^[0-9a-f]{64}$'),
    kind varchar(20) not null constraint ingestions_kind_known ` +
    `check (kind in ('create', 'replace')),
    revision int not null constraint ingestions_revision_positive check (revision >= 1),
    state varchar(20) not null default 'queued' constraint ingestions_state_known ` +
    `check (state in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    step varchar(20) constraint ingestions_step_known ` +
    `check (step in ('extract', 'chunk', 'embed', 'switch')),
    attempt int not null default 0 constraint ingestions_attempt_not_negative check (attempt >= 0),
    failures int not null default 0 constraint ingestions_failures_not_negative ` +
    `check (failures >= 0),
    done int not null default 0,
    total int not null default 0 constraint ingestions_progress check (done >= 0 and done <= total),
    metadata jsonb constraint ingestions_metadata_is_object ` +
    `check (jsonb_typeof(metadata) = 'object'),
    error_code varchar(50),
    error_message text,
    error_retryable boolean constraint ingestions_error_complete ` +
    `check (num_nulls(error_code, error_message, error_retryable) = 0 or ` +
    `num_nulls(error_code, error_message, error_retryable) = 3),
    text text,
    page_starts int[],
    extractor varchar(100),
    extractor_version varchar(100),
    lease_until timestamptz,
    next_attempt_at timestamptz not null default now(),
    cancelled_at timestamptz,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint ingestions_of_tenant unique (tenant_id, id),
    constraint ingestions_document_fk foreign key (tenant_id, bot_id, doc_id) ` +
    `references docs (tenant_id, bot_id, id) on update cascade on delete cascade,
    constraint ingestions_times_rfc3339 check (weaver_is_rfc3339(lease_until) and ` +
    'weaver_is_rfc3339(next_attempt_at) and weaver_is_rfc3339(cancelled_at) and ' +
    'weaver_is_rfc3339(created_at) and weaver_is_rfc3339(started_at) and ' +
    `weaver_is_rfc3339(finished_at))
  )`,
  'create index ingestions_by_creation on ingestions (tenant_id, created_at, id)',
  'create index ingestions_of_document on ingestions (tenant_id, doc_id, created_at, id)',
  'create index ingestions_of_upload on ingestions (tenant_id, upload_id) ' +
    'where upload_id is not null',
  // What is waited for: small, however many have ended.
  'create index ingestions_unfinished on ingestions (tenant_id, created_at, id) ' +
    `where state in ('queued', 'running')`,
  // Whose turn it is: when a tenant had its last one.
  'create index ingestions_by_start on ingestions (tenant_id, started_at)',
  'create index ingestions_failed on ingestions (tenant_id, created_at, id) ' +
    `where state = 'failed'`,
  'create trigger ingestions_choose_bot before insert on ingestions for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_chunk()',
  ...wallsOf('ingestions'),
  'grant select, insert, update on ingestions to weaver_tenant, weaver_operator',
];

const INGESTION_CHUNKS = [
  `create table ingestion_chunks (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    ingestion_id uuid not null,
    chunk_index int not null constraint ingestion_chunks_index_not_negative ` +
    `check (chunk_index >= 0),
    text text not null,
    context text not null,
    headings text[] not null default '{}'::text[],
    table_header text,
    page_num int constraint ingestion_chunks_page_positive check (page_num >= 1),
    text_start int not null,
    text_end int not null constraint ingestion_chunks_place_in_text ` +
    `check (text_start >= 0 and text_end > text_start),
    input_sha256 varchar(64) not null constraint ingestion_chunks_sha256_is_hex ` +
    `check (input_sha256 ~ '^[0-9a-f]{64}$'),
    model varchar(255),
    embedding halfvec(1536),
    constraint ingestion_chunks_ingestion_fk foreign key (tenant_id, ingestion_id) ` +
    `references ingestions (tenant_id, id) on delete cascade
  )`,
  'create unique index ingestion_chunks_of_ingestion on ingestion_chunks ' +
    '(tenant_id, ingestion_id, chunk_index)',
  'create index ingestion_chunks_by_input on ingestion_chunks (tenant_id, input_sha256) ' +
    'where model is not null',
  ...wallsOf('ingestion_chunks'),
  'grant select, insert, update, delete on ingestion_chunks to weaver_tenant, weaver_operator',
];

// No row is read or written: defaults are constants, which PostgreSQL keeps beside the table, and
// the next migration looks at the rows.
const DOCUMENTS = [
  `alter table docs add column metadata jsonb not null default '{}'::jsonb`,
  'alter table docs add column content_sha256 varchar(64)',
  `alter table docs add constraint docs_metadata_is_object ` +
    `check (jsonb_typeof(metadata) = 'object') not valid`,
  'alter table docs add constraint docs_content_sha256_is_hex ' +
    `check (content_sha256 ~ '^[0-9a-f]{64}$') not valid`,
  'alter table doc_texts add column page_starts int[]',
  'alter table doc_texts add column extractor varchar(100)',
  'alter table doc_texts add column extractor_version varchar(100)',
];

/**
 * Files become documents in the background: each ingestion says how far one has come, and its
 * chunks stand beside those of the document until they replace them in one transaction.
 */
export class Migration20261202200000_ingestions extends Migration {
  override name = 'Migration20261202200000_ingestions';

  override up(): void {
    for (const statement of [...INGESTIONS, ...INGESTION_CHUNKS, ...DOCUMENTS])
      this.addSql(statement);
  }

  override down(): void {
    for (const column of ['extractor_version', 'extractor', 'page_starts'])
      this.addSql(`alter table doc_texts drop column ${column}`);
    for (const constraint of ['content_sha256_is_hex', 'metadata_is_object'])
      this.addSql(`alter table docs drop constraint docs_${constraint}`);
    for (const column of ['content_sha256', 'metadata'])
      this.addSql(`alter table docs drop column ${column}`);
    this.addSql('drop table ingestion_chunks');
    this.addSql('drop table ingestions');
  }
}
