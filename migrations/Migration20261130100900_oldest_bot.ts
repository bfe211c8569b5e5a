import { Migration } from '@mikro-orm/migrations';

/**
 * Documents and logged queries without `bot_id` get their tenant's oldest bot: the function that
 * chooses it is named after that.
 */
export class Migration20261130100900_oldest_bot extends Migration {
  override name = 'Migration20261130100900_oldest_bot';

  override up(): void {
    this.addSql(
      'alter function weaver_choose_bot_of_document() rename to weaver_choose_oldest_bot',
    );
  }

  override down(): void {
    this.addSql(
      'alter function weaver_choose_oldest_bot() rename to weaver_choose_bot_of_document',
    );
  }
}
