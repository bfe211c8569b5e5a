import { Migration } from '@mikro-orm/migrations';

/**
 * A query that is logged without `bot_id` is its tenant's oldest bot's, as a document is: programs
 * that know nothing of bots keep working.
 */
export class Migration20261124160000_bot_of_query extends Migration {
  override name = 'Migration20261124160000_bot_of_query';

  override up(): void {
    this.addSql(
      'create trigger bot_queries_choose_bot before insert on bot_queries for each row ' +
        'when (new.bot_id is null) execute function weaver_choose_bot_of_document()',
    );
  }

  override down(): void {
    this.addSql(`drop trigger bot_queries_choose_bot on bot_queries`);
  }
}
