import { Migration } from '@mikro-orm/migrations';

const OF_TENANT =
  "tenant_id = nullif(current_setting('app.tenant_id'::text, true), ''::text)::uuid";

/** What calls with an idempotency key led to. The operator's have no tenant. */
export class Migration20261124100000_idempotency_keys extends Migration {
  override name = 'Migration20261124100000_idempotency_keys';

  override up(): void {
    this.addSql(
      `create table idempotency_keys (
      id uuid not null default gen_random_uuid() primary key,
      tenant_id uuid constraint idempotency_keys_tenant_id_foreign references tenants (id) ` +
        `on delete cascade,
      principal varchar(64) not null,
      mutation varchar(64) not null,
      key varchar(255) not null,
      input_digest varchar(64) not null,
      outcome jsonb,
      created_at timestamptz not null default now()
    )`,
    );
    this.addSql(
      'create unique index idempotency_keys_of_caller on idempotency_keys (tenant_id, ' +
        'principal, mutation, key) nulls not distinct',
    );
    this.addSql(`create index idempotency_keys_by_age on idempotency_keys (tenant_id, created_at)`);
    this.addSql(`alter table idempotency_keys enable row level security`);
    this.addSql(`alter table idempotency_keys force row level security`);
    this.addSql(
      'create policy tenant_isolation on idempotency_keys to weaver_tenant ' +
        `using (${OF_TENANT}) with check (${OF_TENANT})`,
    );
    this.addSql(
      'create policy operator_all on idempotency_keys to weaver_operator ' +
        'using (true) with check (true)',
    );
    this.addSql(
      `grant select, insert, update, delete on idempotency_keys to weaver_tenant, weaver_operator`,
    );
  }

  override down(): void {
    this.addSql(`drop table idempotency_keys`);
  }
}
