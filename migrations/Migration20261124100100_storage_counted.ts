import { Migration } from '@mikro-orm/migrations';

const FUNCTIONS = [
  // Adds what a statement changed, once for each tenant, whoever wrote it. What goes with its bot
  // was subtracted before the bot went. The check that the sum is not negative must not keep
  // anybody from deleting, should the sum ever be wrong.
  `create function weaver_count_storage() returns trigger language plpgsql as $function$
  begin
    if tg_op = 'INSERT' then
      update tenants t set storage_used_bytes = t.storage_used_bytes + c.bytes
        from (select tenant_id, sum(size_bytes) as bytes from added group by tenant_id) c
       where t.id = c.tenant_id and c.bytes <> 0;
    elsif tg_op = 'DELETE' then
      update tenants t set storage_used_bytes = greatest(0, t.storage_used_bytes - c.bytes)
        from (select r.tenant_id, sum(r.size_bytes) as bytes from removed r
               where exists (select from bots b where b.tenant_id = r.tenant_id and b.id = r.bot_id)
               group by r.tenant_id) c
       where t.id = c.tenant_id and c.bytes <> 0;
    else
      update tenants t set storage_used_bytes = greatest(0, t.storage_used_bytes + c.bytes)
        from (select tenant_id, sum(bytes) as bytes
                from (select tenant_id, size_bytes as bytes from added ` +
    `union all select tenant_id, -size_bytes from removed) changed
               group by tenant_id) c
       where t.id = c.tenant_id and c.bytes <> 0;
    end if;
    return null;
  end $function$`,
  // A cascade runs as the owner of the tables, whom forced row-level security hides the tenants
  // from in the triggers behind it: so what goes with a bot is subtracted before, as whoever
  // deletes it. The documents are locked first, for others may be changing their sizes. Where the
  // tenant itself goes there is nothing left to count.
  `create function weaver_count_storage_of_bot() returns trigger language plpgsql as $function$
  declare
    freed numeric;
  begin
    if exists (select from tenants where id = old.tenant_id) then
      select sum(size_bytes) into freed
        from (select size_bytes from docs where tenant_id = old.tenant_id and bot_id = old.id ` +
    `for update) d;
      update tenants set storage_used_bytes = greatest(0, storage_used_bytes - freed) ` +
    `where id = old.tenant_id and freed <> 0;
    end if;
    return old;
  end $function$`,
  // Only the functions above write the sum. Whoever else does, such as an older program that counts
  // by itself, gets what is true.
  `create function weaver_keep_storage() returns trigger language plpgsql as $function$
  begin
    if current_user = 'weaver_tenant' then
      raise exception 'The size of a tenant is counted, not written.' ` +
    `using errcode = 'insufficient_privilege';
    end if;
    select coalesce(sum(size_bytes), 0) into new.storage_used_bytes from docs ` +
    `where tenant_id = old.id;
    return new;
  end $function$`,
];

const TRIGGERS = [
  'create trigger docs_count_storage_added after insert on docs referencing new table as ' +
    'added for each statement execute function weaver_count_storage()',
  'create trigger docs_count_storage_changed after update on docs referencing old table ' +
    'as removed new table as added for each statement ' +
    'execute function weaver_count_storage()',
  'create trigger docs_count_storage_removed after delete on docs referencing old table ' +
    'as removed for each statement execute function weaver_count_storage()',
  // Its name makes it run before bots_keep_last: documents are locked before their tenant, as
  // everywhere.
  'create trigger bots_count_storage before delete on bots for each row ' +
    'execute function weaver_count_storage_of_bot()',
];

const TOUCH = 'create trigger tenants_touch_updated_at before update on tenants for each row';
// A document that comes or goes does not change its tenant: preconditions of whoever renames it
// must hold.
const UNLESS_COUNTED =
  'when (new.storage_used_bytes = old.storage_used_bytes or new.name <> old.name or ' +
  'new.plan_tier <> old.plan_tier)';

/**
 * `tenants.storage_used_bytes` is the sum of the documents' sizes, kept by the database whoever
 * writes.
 */
export class Migration20261124100100_storage_counted extends Migration {
  override name = 'Migration20261124100100_storage_counted';

  override up(): void {
    for (const statement of [...FUNCTIONS, ...TRIGGERS]) this.addSql(statement);
    this.addSql(`drop trigger tenants_touch_updated_at on tenants`);
    this.addSql(`${TOUCH} ${UNLESS_COUNTED} execute function weaver_touch_updated_at()`);
    // The owner sees the rows while row-level security is not forced; nobody else gets in between.
    // lint: allow update-all-rows: nobody wrote the sums, they are counted
    for (const table of ['tenants', 'docs'])
      this.addSql(`alter table ${table} no force row level security`);
    this.addSql(
      'update tenants t set storage_used_bytes = (select coalesce(sum(size_bytes), 0) ' +
        'from docs where tenant_id = t.id)',
    );
    for (const table of ['tenants', 'docs'])
      this.addSql(`alter table ${table} force row level security`);
    this.addSql(
      'create trigger tenants_keep_storage before update of storage_used_bytes on ' +
        'tenants for each row when (pg_trigger_depth() = 0) ' +
        'execute function weaver_keep_storage()',
    );
    // For the triggers of docs and bots, which run as whoever writes.
    this.addSql(`grant update (storage_used_bytes) on tenants to weaver_tenant`);
  }

  override down(): void {
    this.addSql(`revoke update (storage_used_bytes) on tenants from weaver_tenant`);
    this.addSql(`drop trigger tenants_keep_storage on tenants`);
    this.addSql(`drop trigger tenants_touch_updated_at on tenants`);
    this.addSql(`${TOUCH} execute function weaver_touch_updated_at()`);
    this.addSql(`drop trigger bots_count_storage on bots`);
    for (const what of ['added', 'changed', 'removed'])
      this.addSql(`drop trigger docs_count_storage_${what} on docs`);
    for (const name of ['count_storage', 'count_storage_of_bot', 'keep_storage'])
      this.addSql(`drop function weaver_${name}()`);
  }
}
