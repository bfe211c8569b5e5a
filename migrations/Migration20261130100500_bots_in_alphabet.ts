import { Migration } from '@mikro-orm/migrations';

/** For bots by name. */
export class Migration20261130100500_bots_in_alphabet extends Migration {
  override name = 'Migration20261130100500_bots_in_alphabet';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      `create index concurrently bots_in_alphabet on bots (tenant_id, weaver_sort_key(name), id)`,
    );
  }

  override down(): void {
    this.addSql(`drop index concurrently bots_in_alphabet`);
  }
}
