import { Migration } from '@mikro-orm/migrations';

const OF_TENANT =
  "tenant_id = nullif(current_setting('app.tenant_id'::text, true), ''::text)::uuid";

// No foreign key to tenants: what happened stays known when the tenant is gone. Append-only: nobody
// may update or delete.
const AUDIT_LOG = [
  `create table audit_log (
    id uuid not null default gen_random_uuid() primary key,
    tenant_id uuid not null,
    actor_kind varchar(20) not null constraint audit_log_actor_known ` +
    `check (actor_kind in ('api_key', 'user', 'operator', 'command_line')),
    actor_id uuid,
    action varchar(100) not null,
    target_type varchar(100) not null,
    target_id uuid,
    details jsonb not null default '{}' constraint audit_log_details_is_object ` +
    `check (jsonb_typeof(details) = 'object'),
    request_id varchar(100),
    created_at timestamptz not null default now()
  )`,
  `create index audit_log_by_creation on audit_log (tenant_id, created_at, id)`,
  // For the operator, who reads the log of all tenants as one.
  `create index audit_log_of_all_by_creation on audit_log (created_at, id)`,
  `alter table audit_log enable row level security`,
  `alter table audit_log force row level security`,
  'create policy tenant_isolation on audit_log to weaver_tenant ' +
    `using (${OF_TENANT}) with check (${OF_TENANT})`,
  `create policy operator_all on audit_log to weaver_operator using (true) with check (true)`,
  `grant select, insert on audit_log to weaver_tenant, weaver_operator`,
];

const API_KEYS = [
  // While a key is rotated, its secret from before goes on for a time.
  // lint: allow unique-constraint: the new column has no values yet, and keys are few
  'alter table api_keys add previous_prefix varchar(32) constraint ' +
    'api_keys_previous_prefix_unique ' +
    `unique,
     add previous_hash varchar(255), add previous_expires_at timestamptz`,
  // A use is no change.
  `drop trigger api_keys_touch_updated_at on api_keys`,
  'create trigger api_keys_touch_updated_at before update on api_keys for each row ' +
    'when (old.last_used_at is not distinct from new.last_used_at) ' +
    'execute function weaver_touch_updated_at()',
  // A tenant reads all of its keys but the digests, and changes only what rotating and revoking
  // change. Nobody deletes keys by hand.
  `revoke all on api_keys from weaver_tenant`,
  'grant select (id, tenant_id, name, key_prefix, scopes, rate_limit_rpm, revoked, expires_at, ' +
    `last_used_at, previous_prefix, previous_expires_at, created_at, updated_at),
     insert (id, tenant_id, name, key_prefix, key_hash, scopes, rate_limit_rpm, expires_at),
     update (key_prefix, key_hash, previous_prefix, previous_hash, ` +
    'previous_expires_at, revoked) on api_keys to weaver_tenant',
];

// Changes that would leave a tenant without its last owner wait for each other at the tenant's row.
// The owner who stays is locked too: a transaction whose snapshot is older than the other's change
// would still see them, and fails instead. A deleted tenant takes its last owner along; a tenant
// may be without an owner only because it never had one.
const PROFILES = [
  `create function weaver_keep_last_owner() returns trigger language plpgsql as $function$
  begin
    perform from tenants where id = old.tenant_id for no key update;
    if found then
      perform from profiles where tenant_id = old.tenant_id and role = 'owner' and id <> old.id ` +
    `limit 1 for share;
      if not found then
        raise exception 'A tenant keeps its last owner.' ` +
    `using errcode = 'check_violation', table = 'profiles', constraint = 'profiles_keep_last_owner';
      end if;
    end if;
    if tg_op = 'DELETE' then
      return old;
    end if;
    return new;
  end $function$`,
  'create trigger profiles_keep_last_owner_on_delete before delete on profiles ' +
    "for each row when (old.role = 'owner') execute function weaver_keep_last_owner()",
  'create trigger profiles_keep_last_owner_on_update before update on profiles ' +
    "for each row when (old.role = 'owner' and (new.role <> 'owner' " +
    'or new.tenant_id <> old.tenant_id)) execute function weaver_keep_last_owner()',
  `revoke insert, update on profiles from weaver_tenant`,
  `grant insert (id, tenant_id, email, role), update (email, role) on profiles to weaver_tenant`,
];

/** The audit log, keys that are rotated, and owners who stay. */
export class Migration20261124110000_identity extends Migration {
  override name = 'Migration20261124110000_identity';

  override up(): void {
    for (const statement of [...AUDIT_LOG, ...API_KEYS, ...PROFILES]) this.addSql(statement);
  }

  /**
   * Removes the audit log with all its rows. Keys that are being rotated lose their secret from
   * before.
   */
  override down(): void {
    const statements = [
      `revoke all on profiles from weaver_tenant`,
      `grant select, insert, update, delete on profiles to weaver_tenant`,
      `drop trigger profiles_keep_last_owner_on_update on profiles`,
      `drop trigger profiles_keep_last_owner_on_delete on profiles`,
      `drop function weaver_keep_last_owner()`,
      `revoke all on api_keys from weaver_tenant`,
      `grant select, insert, update, delete on api_keys to weaver_tenant`,
      `drop trigger api_keys_touch_updated_at on api_keys`,
      'create trigger api_keys_touch_updated_at before update on api_keys for each row ' +
        'execute function weaver_touch_updated_at()',
      `alter table api_keys drop previous_prefix, drop previous_hash, drop previous_expires_at`,
      `drop table audit_log`,
    ];
    for (const statement of statements) this.addSql(statement);
  }
}
