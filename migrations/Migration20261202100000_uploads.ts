import { Migration } from '@mikro-orm/migrations';

/** Rows of the transaction's tenant; none while it names no tenant. */
const CURRENT_TENANT = `nullif(current_setting('app.tenant_id'::text, true), ''::text)::uuid`;
const OF_TENANT = `tenant_id = ${CURRENT_TENANT}`;

const UPLOADS = [
  `create table uploads (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    bot_id uuid not null,
    filename varchar(500) not null constraint uploads_filename_not_empty ` +
    `check (char_length(filename::text) >= 1),
    size_bytes bigint not null constraint uploads_size_positive check (size_bytes >= 1),
    received_bytes bigint not null default 0,
    content_type varchar(255) null,
    sha256 varchar(64) null constraint uploads_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
    metadata jsonb not null default '{}'::jsonb constraint uploads_metadata_is_object ` +
    `check (jsonb_typeof(metadata) = 'object'),
    state varchar(50) not null default 'waiting' constraint uploads_state_known ` +
    `check (state in ('waiting', 'receiving', 'received', 'ingested')),
    attempt int not null default 0,
    token_digest varchar(64) not null constraint uploads_token_digest_is_hex ` +
    `check (token_digest ~ '^[0-9a-f]{64}$'),
    expires_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint uploads_of_tenant unique (tenant_id, id),
    constraint uploads_bot_fk foreign key (tenant_id, bot_id) ` +
    `references bots (tenant_id, id) on delete cascade,
    constraint uploads_received_within_size ` +
    `check (received_bytes >= 0 and received_bytes <= size_bytes),
    constraint uploads_received_is_whole check ` +
    `(state in ('waiting', 'receiving') or received_bytes = size_bytes and sha256 is not null),
    constraint uploads_times_rfc3339 check (weaver_is_rfc3339(expires_at) and ` +
    `weaver_is_rfc3339(created_at) and weaver_is_rfc3339(updated_at))
  )`,
  'create index uploads_by_creation on uploads (tenant_id, created_at, id)',
  'create index uploads_of_bot on uploads (tenant_id, bot_id, created_at, id)',
  // Read as a whole for what has expired: few uploads are not ingested.
  "create index uploads_by_expiry on uploads (tenant_id, expires_at) where state <> 'ingested'",
  'create trigger uploads_touch_updated_at before update on uploads for each row ' +
    'execute function weaver_touch_updated_at()',
  'create trigger uploads_choose_bot before insert on uploads for each row ' +
    'when (new.bot_id is null) execute function weaver_choose_oldest_bot()',
  'alter table uploads enable row level security',
  'alter table uploads force row level security',
  'create policy tenant_isolation on uploads to weaver_tenant ' +
    `using (${OF_TENANT}) with check (${OF_TENANT})`,
  'create policy operator_all on uploads to weaver_operator using (true) with check (true)',
  // No more than what changes while a file comes in: what was declared stays.
  'grant select, insert, delete on uploads to weaver_tenant, weaver_operator',
  'grant update (received_bytes, sha256, state, attempt) on uploads ' +
    'to weaver_tenant, weaver_operator',
];

const PARTS = [
  `create table upload_parts (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    upload_id uuid not null,
    part_no int not null constraint upload_parts_number_not_negative check (part_no >= 0),
    bytes bytea not null constraint upload_parts_size check (octet_length(bytes) <= 1048576),
    constraint upload_parts_of_upload unique (tenant_id, upload_id, part_no),
    constraint upload_parts_upload_fk foreign key (tenant_id, upload_id) ` +
    `references uploads (tenant_id, id) on delete cascade
  )`,
  // Most files are compressed already, and compressing them again would take longer than to write
  // them.
  'alter table upload_parts alter column bytes set storage external',
  'alter table upload_parts enable row level security',
  'alter table upload_parts force row level security',
  'create policy tenant_isolation on upload_parts to weaver_tenant ' +
    `using (${OF_TENANT}) with check (${OF_TENANT})`,
  'create policy operator_all on upload_parts to weaver_operator using (true) with check (true)',
  'grant select, insert, delete on upload_parts to weaver_tenant, weaver_operator',
  'grant update (bytes) on upload_parts to weaver_tenant, weaver_operator',
];

// An upload counts with its declared size from the beginning, since so much may come, until its
// document counts in its place.
const COUNT_UPLOAD =
  `create function weaver_count_storage_of_upload() returns trigger ` +
  `language plpgsql as $function$
  declare
    change bigint := 0;
  begin
    if tg_op = 'INSERT' then
      if new.state <> 'ingested' then change := new.size_bytes; end if;
    elsif tg_op = 'DELETE' then
      -- What goes with its bot was subtracted before the bot went.
      if old.state <> 'ingested'
        and exists (select from bots b where b.tenant_id = old.tenant_id and b.id = old.bot_id)
      then change := -old.size_bytes; end if;
    elsif old.state <> 'ingested' and new.state = 'ingested' then change := -old.size_bytes;
    elsif old.state = 'ingested' and new.state <> 'ingested' then change := new.size_bytes;
    end if;
    if change <> 0 then
      update tenants set storage_used_bytes = greatest(0, storage_used_bytes + change)
       where id = coalesce(new.tenant_id, old.tenant_id);
    end if;
    return null;
  end $function$`;

const countOfBot = (freed: string): string =>
  `create or replace function weaver_count_storage_of_bot() returns trigger ` +
  `language plpgsql as $function$
  declare
    freed numeric;
  begin
    if exists (select from tenants where id = old.tenant_id) then
${freed}
      update tenants set storage_used_bytes = greatest(0, storage_used_bytes - freed) ` +
  `where id = old.tenant_id and freed <> 0;
    end if;
    return old;
  end $function$`;
const FREED_DOCUMENTS =
  '      select sum(size_bytes) into freed\n' +
  '        from (select size_bytes from docs where tenant_id = old.tenant_id and bot_id = old.id ' +
  'for update) d;';
const FREED_WITH_UPLOADS = `      select coalesce(sum(size_bytes), 0) into freed
        from (select size_bytes from docs where tenant_id = old.tenant_id and bot_id = old.id
                for update) d;
      -- An older program's login knows no uploads.
      if has_table_privilege('uploads', 'select')
        and has_any_column_privilege('uploads', 'update') then
        select freed + coalesce(sum(size_bytes), 0) into freed
          from (select size_bytes from uploads where tenant_id = old.tenant_id
                   and bot_id = old.id and state <> 'ingested' for update) u;
      end if;`;

const keep = (sum: string): string =>
  `create or replace function weaver_keep_storage() returns trigger ` +
  `language plpgsql as $function$
  begin
    if current_user = 'weaver_tenant' then
      raise exception 'The size of a tenant is counted, not written.' ` +
  `using errcode = 'insufficient_privilege';
    end if;
${sum}
    return new;
  end $function$`;
const SUM_OF_DOCUMENTS =
  '    select coalesce(sum(size_bytes), 0) into new.storage_used_bytes from docs ' +
  'where tenant_id = old.id;';
// Whoever is shown no uploads, such as an older program, changes nothing: the sum is right already.
const SUM_WITH_UPLOADS =
  `    if not has_table_privilege('uploads', 'select')
      or current_user <> 'weaver_operator' and row_security_active('uploads') then
      new.storage_used_bytes := old.storage_used_bytes;
      return new;
    end if;
    select coalesce((select sum(size_bytes) from docs ` +
  `where tenant_id = old.id), 0)
      + coalesce((select sum(size_bytes) from uploads ` +
  `where tenant_id = old.id and state <> 'ingested'), 0)
      into new.storage_used_bytes;`;

/**
 * Files that come in, and their bytes in parts. `tenants.storage_used_bytes` counts them beside the
 * documents.
 */
export class Migration20261202100000_uploads extends Migration {
  override name = 'Migration20261202100000_uploads';

  override up(): void {
    for (const statement of [...UPLOADS, ...PARTS, COUNT_UPLOAD]) this.addSql(statement);
    this.addSql(
      'create trigger uploads_count_storage after insert or delete or update of state ' +
        'on uploads for each row execute function weaver_count_storage_of_upload()',
    );
    this.addSql(countOfBot(FREED_WITH_UPLOADS));
    this.addSql(keep(SUM_WITH_UPLOADS));
  }

  override down(): void {
    this.addSql(countOfBot(FREED_DOCUMENTS));
    this.addSql(keep(SUM_OF_DOCUMENTS));
    this.addSql('drop table upload_parts');
    this.addSql('drop table uploads');
    this.addSql('drop function weaver_count_storage_of_upload()');
    // The owner sees the rows while row-level security is not forced; nobody else gets in between.
    for (const table of ['tenants', 'docs'])
      this.addSql(`alter table ${table} no force row level security`);
    // The trigger `tenants_keep_storage` stores what is true.
    // lint: allow update-all-rows: nobody wrote the sums, they are counted
    this.addSql('update tenants set storage_used_bytes = 0');
    for (const table of ['tenants', 'docs'])
      this.addSql(`alter table ${table} force row level security`);
  }
}
