// oxlint-disable max-lines -- a migration that was applied stays as it is, in one file
import { Migration } from '@mikro-orm/migrations';

/** Rows of the transaction's tenant; none while it names no tenant. */
const OF_TENANT = (column: string) =>
  `${column} = nullif(current_setting('app.tenant_id'::text, true), ''::text)::uuid`;

/**
 * Row-level security for everyone, the owner included: what a role sees is said by a policy or not
 * at all.
 */
const walls = (table: string, column = 'tenant_id'): string[] => [
  `alter table ${table} enable row level security`,
  `alter table ${table} force row level security`,
  `create policy tenant_isolation on ${table} to weaver_tenant ` +
    `using (${OF_TENANT(column)}) with check (${OF_TENANT(column)})`,
  `create policy operator_all on ${table} to weaver_operator using (true) with check (true)`,
];

const touch = (table: string): string =>
  `create trigger ${table}_touch_updated_at before update on ${table} for each row ` +
  'execute function weaver_touch_updated_at()';

// Roles belong to the cluster, not to this database: they are made when missing and never dropped.
// Two databases of one cluster may be migrated at the same moment, so losing the race to create a
// role is fine.
const role = (name: string): string =>
  `
  do $do$ begin
    if not exists (select from pg_roles where rolname = '${name}') then
      create role ${name} nologin;
    end if;
  exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
      raise exception 'The role ${name} is missing and this login may not create roles. ` +
  `Run "weaver db bootstrap" as a superuser first, or hand its --sql to whoever is one.';
  end $do$`;

const extension = (name: string): string => `create extension if not exists ${name}`;

const FUNCTIONS = [
  // Never stands still: two changes within one microsecond, or a clock set back, still give a later
  // time.
  `create function weaver_touch_updated_at() returns trigger language plpgsql as $function$
  begin
    new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
    return new;
  end $function$`,
  // A tenant is usable at once. The name is cut so that it fits its column.
  `create function weaver_create_bot_of_tenant() returns trigger language plpgsql as $function$
  begin
    insert into bots (tenant_id, name) values (new.id, left(new.name, 251) || ' Bot');
    return null;
  end $function$`,
  // Deletes of a tenant's last two bots wait for each other at the tenant's row. The bot that stays
  // is locked too: a transaction whose snapshot is older than the other's delete would still see
  // it, and fails instead. A deleted tenant takes its last bot along.
  `create function weaver_keep_last_bot() returns trigger language plpgsql as $function$
  begin
    perform from tenants where id = old.tenant_id for no key update;
    if found then
      perform from bots where tenant_id = old.tenant_id and id <> old.id limit 1 for key share;
      if not found then
        raise exception 'A tenant keeps its last bot.' ` +
    `using errcode = 'check_violation', table = 'bots', constraint = 'bots_keep_last';
      end if;
    end if;
    return old;
  end $function$`,
  // Programs that know nothing of bot_id keep working.
  `create function weaver_choose_bot_of_document() returns trigger language plpgsql as $function$
  begin
    select id into new.bot_id from bots where tenant_id = new.tenant_id order by created_at, id ` +
    `limit 1;
    return new;
  end $function$`,
  `create function weaver_choose_bot_of_chunk() returns trigger language plpgsql as $function$
  begin
    select bot_id into new.bot_id from docs where tenant_id = new.tenant_id and id = new.doc_id;
    return new;
  end $function$`,
];

const TENANTS = [
  `create table tenants (
    id uuid not null default gen_random_uuid() primary key,
    name varchar(255) not null constraint tenants_name_not_empty ` +
    `check (char_length(name::text) >= 1),
    plan_tier varchar(50) not null default 'free' constraint tenants_plan_tier_not_empty ` +
    `check (char_length(plan_tier::text) >= 1),
    storage_used_bytes bigint not null default 0 constraint tenants_storage_not_negative ` +
    `check (storage_used_bytes >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  )`,
  `create index tenants_by_creation on tenants (created_at, id)`,
  `create index tenants_by_name on tenants (name, id)`,
  'create trigger tenants_create_bot after insert on tenants for each row ' +
    'execute function weaver_create_bot_of_tenant()',
  touch('tenants'),
  ...walls('tenants', 'id'),
  // A tenant may rename itself; its plan and its existence are the operator's.
  `grant select, update (name) on tenants to weaver_tenant`,
  `grant select, insert, update, delete on tenants to weaver_operator`,
];

const PROFILES = [
  `create table profiles (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null constraint profiles_tenant_id_foreign references tenants (id) ` +
    `on delete cascade,
    email varchar(255) not null constraint profiles_email_not_empty ` +
    `check (char_length(email::text) >= 1),
    role varchar(50) not null default 'member' constraint profiles_role_known ` +
    `check (role in ('owner', 'admin', 'member')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint profiles_email_unique unique (tenant_id, email)
  )`,
  `create index profiles_by_creation on profiles (tenant_id, created_at, id)`,
  touch('profiles'),
  ...walls('profiles'),
  `grant select, insert, update, delete on profiles to weaver_tenant, weaver_operator`,
];

const BOTS = [
  `create table bots (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null constraint bots_tenant_id_foreign references tenants (id) ` +
    `on delete cascade,
    name varchar(255) not null constraint bots_name_not_empty check (char_length(name::text) >= 1),
    config_json jsonb not null default '{}' constraint bots_config_is_object ` +
    `check (jsonb_typeof(config_json) = 'object'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint bots_of_tenant unique (tenant_id, id)
  )`,
  `create index bots_by_creation on bots (tenant_id, created_at, id)`,
  'create trigger bots_keep_last before delete on bots for each row ' +
    'execute function weaver_keep_last_bot()',
  touch('bots'),
  ...walls('bots'),
  `grant select, insert, update, delete on bots to weaver_tenant, weaver_operator`,
];

const DOCS = [
  `create table docs (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    bot_id uuid not null,
    filename varchar(500) not null constraint docs_filename_not_empty ` +
    `check (char_length(filename::text) >= 1),
    gcs_path varchar(1000),
    size_bytes bigint not null constraint docs_size_not_negative check (size_bytes >= 0),
    status varchar(50) not null default 'pending' constraint docs_status_known ` +
    `check (status in ('pending', 'processing', 'completed', 'failed')),
    error_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint docs_of_bot unique (tenant_id, bot_id, id),
    constraint docs_bot_fk foreign key (tenant_id, bot_id) references bots (tenant_id, id) ` +
    `on delete cascade
  )`,
  `create index docs_by_creation on docs (tenant_id, created_at, id)`,
  `create index docs_of_bot_by_creation on docs (tenant_id, bot_id, created_at, id)`,
  `create index docs_by_filename on docs (tenant_id, filename, id)`,
  `create index docs_by_status on docs (tenant_id, status, created_at, id)`,
  'create trigger docs_choose_bot before insert on docs for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_document()',
  touch('docs'),
  ...walls('docs'),
  `grant select, insert, update, delete on docs to weaver_tenant, weaver_operator`,
];

const DOC_CHUNKS = [
  `create table doc_chunks (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    bot_id uuid not null,
    doc_id uuid not null,
    text text not null,
    chunk_index int not null constraint doc_chunks_index_not_negative check (chunk_index >= 0),
    page_num int constraint doc_chunks_page_positive check (page_num >= 1),
    chunk_metadata jsonb not null default '{}' constraint doc_chunks_metadata_is_object ` +
    `check (jsonb_typeof(chunk_metadata) = 'object'),
    embedding halfvec(1536),
    embedding_bq bit(1536) generated always as (binary_quantize(embedding)::bit(1536)) stored,
    search_vector tsvector generated always as (to_tsvector('english'::regconfig, text)) stored,
    created_at timestamptz not null default now(),
    constraint doc_chunks_document_fk foreign key (tenant_id, bot_id, doc_id) ` +
    `references docs (tenant_id, bot_id, id) on update cascade on delete cascade
  ) with (autovacuum_vacuum_insert_scale_factor = 0.01, ` +
    'autovacuum_vacuum_insert_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02)',
  // Two rows fit a page with the vector inline, which makes exact distances two to four times
  // faster than from TOAST. The two columns beside it must be told to stay as well: the toaster
  // would move them out first.
  'alter table doc_chunks alter embedding set storage main, alter embedding_bq ' +
    'set storage plain, alter chunk_metadata set storage main',
  `create index doc_chunks_by_position on doc_chunks (tenant_id, doc_id, chunk_index, id)`,
  // The code scan of the search reads this index alone, which wants a fresh visibility map: hence
  // the eager vacuum above.
  'create index doc_chunks_codes on doc_chunks (tenant_id, bot_id, doc_id) include (id, ' +
    'embedding_bq)',
  `create index doc_chunks_words on doc_chunks using gin (tenant_id, search_vector)`,
  'create index doc_chunks_metadata on doc_chunks ' +
    'using gin (tenant_id, chunk_metadata jsonb_path_ops)',
  'create trigger doc_chunks_choose_bot before insert on doc_chunks for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_bot_of_chunk()',
  ...walls('doc_chunks'),
  // No update: a chunk is replaced, never edited.
  `grant select, insert, delete on doc_chunks to weaver_tenant, weaver_operator`,
];

const API_KEYS = [
  `create table api_keys (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null constraint api_keys_tenant_id_foreign references tenants (id) ` +
    `on delete cascade,
    name varchar(255) not null constraint api_keys_name_not_empty ` +
    `check (char_length(name::text) >= 1),
    key_prefix varchar(32) constraint api_keys_prefix_unique unique,
    key_hash varchar(255) not null,
    scopes text[] not null default '{read,search}' constraint api_keys_scopes_known ` +
    "check (scopes <@ array['read'::text, 'write'::text, 'search'::text, 'ask'::text, " +
    `'admin'::text]),
    rate_limit_rpm int not null default 60 constraint api_keys_rate_limit_positive ` +
    `check (rate_limit_rpm >= 1),
    revoked boolean not null default false,
    expires_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint api_keys_of_tenant unique (tenant_id, id)
  )`,
  `create index api_keys_by_creation on api_keys (tenant_id, created_at, id)`,
  touch('api_keys'),
  ...walls('api_keys'),
  `grant select, insert, update, delete on api_keys to weaver_tenant, weaver_operator`,
];

const BOT_QUERIES = [
  `create table bot_queries (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    bot_id uuid not null,
    api_key_id uuid,
    query text not null,
    answer text not null,
    confidence varchar(50) constraint bot_queries_confidence_known ` +
    `check (confidence in ('high', 'medium', 'low')),
    latency_ms int constraint bot_queries_latency_not_negative check (latency_ms >= 0),
    sources jsonb not null default '[]' constraint bot_queries_sources_is_array ` +
    `check (jsonb_typeof(sources) = 'array'),
    query_embedding halfvec(1536),
    created_at timestamptz not null default now(),
    constraint bot_queries_bot_fk foreign key (tenant_id, bot_id) ` +
    `references bots (tenant_id, id) on delete cascade,
    -- The column is named: without it tenant_id would be nulled too, ` +
    `and the delete of a key would fail.
    constraint bot_queries_api_key_fk foreign key (tenant_id, api_key_id) ` +
    `references api_keys (tenant_id, id) on delete set null (api_key_id)
  )`,
  `create index bot_queries_by_creation on bot_queries (tenant_id, created_at, id)`,
  `create index bot_queries_of_bot_by_creation on bot_queries (tenant_id, bot_id, created_at, id)`,
  'create index bot_queries_of_key_by_creation on bot_queries (tenant_id, api_key_id, ' +
    'created_at, id)',
  ...walls('bot_queries'),
  // No update: the log is written once.
  `grant select, insert, delete on bot_queries to weaver_tenant, weaver_operator`,
];

/** The seven tables, their functions, indexes, policies and grants. */
export class Migration20261123000000_initial extends Migration {
  override name = 'Migration20261123000000_initial';

  // lint: allow rows-unclear: its blocks make roles and grant them rights
  override up(): void {
    const statements = [
      extension('vector'),
      extension('btree_gin'),
      role('weaver_tenant'),
      role('weaver_operator'),
      ...FUNCTIONS,
      ...TENANTS,
      ...PROFILES,
      ...BOTS,
      ...DOCS,
      ...DOC_CHUNKS,
      ...API_KEYS,
      ...BOT_QUERIES,
      // The gateway asks, as the operator, whether migrations are pending.
      `grant select on mikro_orm_migrations to weaver_operator`,
    ];
    for (const statement of statements) this.addSql(statement);
  }

  /**
   * Removes the tables with all their rows. Roles stay, since they belong to the cluster; so do
   * extensions, which others may use.
   */
  override down(): void {
    this.addSql(`revoke select on mikro_orm_migrations from weaver_operator`);
    for (const table of [
      'bot_queries',
      'api_keys',
      'doc_chunks',
      'docs',
      'bots',
      'profiles',
      'tenants',
    ])
      this.addSql(`drop table ${table}`);
    for (const name of [
      'touch_updated_at',
      'create_bot_of_tenant',
      'keep_last_bot',
      'choose_bot_of_document',
      'choose_bot_of_chunk',
    ]) {
      this.addSql(`drop function weaver_${name}()`);
    }
  }
}
