import { Migration } from '@mikro-orm/migrations';

/**
 * How much of the current minute each caller has used up, over all gateways. Nothing of a tenant's:
 * only the operator's role meets it.
 */
export class Migration20261124120000_rate_limits extends Migration {
  override name = 'Migration20261124120000_rate_limits';

  override up(): void {
    // Unlogged: nothing is lost that a minute would not bring back, and writes cost next to
    // nothing.
    this.addSql(`create unlogged table rate_limits (
      subject varchar(100) not null primary key,
      minute timestamptz not null,
      used int not null,
      granted int not null
    )`);
    this.addSql(`create index rate_limits_by_minute on rate_limits (minute)`);
    this.addSql(`alter table rate_limits enable row level security`);
    this.addSql(`alter table rate_limits force row level security`);
    this.addSql(
      `create policy operator_all on rate_limits to weaver_operator using (true) with check (true)`,
    );
    this.addSql(`grant select, insert, update, delete on rate_limits to weaver_operator`);
  }

  override down(): void {
    this.addSql(`drop table rate_limits`);
  }
}
