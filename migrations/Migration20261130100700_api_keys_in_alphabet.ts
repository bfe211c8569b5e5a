import { Migration } from '@mikro-orm/migrations';

/** For API keys by name. */
export class Migration20261130100700_api_keys_in_alphabet extends Migration {
  override name = 'Migration20261130100700_api_keys_in_alphabet';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      'create index concurrently api_keys_in_alphabet on api_keys (tenant_id, ' +
        'weaver_sort_key(name), id)',
    );
  }

  override down(): void {
    this.addSql(`drop index concurrently api_keys_in_alphabet`);
  }
}
