import { Migration } from '@mikro-orm/migrations';

/** For the operator's list of tenants by name. */
export class Migration20261130100400_tenants_in_alphabet extends Migration {
  override name = 'Migration20261130100400_tenants_in_alphabet';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      `create index concurrently tenants_in_alphabet on tenants (weaver_sort_key(name), id)`,
    );
  }

  override down(): void {
    this.addSql(`drop index concurrently tenants_in_alphabet`);
  }
}
