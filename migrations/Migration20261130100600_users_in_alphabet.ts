import { Migration } from '@mikro-orm/migrations';

/** For users by e-mail address. */
export class Migration20261130100600_users_in_alphabet extends Migration {
  override name = 'Migration20261130100600_users_in_alphabet';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      'create index concurrently profiles_in_alphabet on profiles (tenant_id, ' +
        'weaver_sort_key(email), id)',
    );
  }

  override down(): void {
    this.addSql(`drop index concurrently profiles_in_alphabet`);
  }
}
