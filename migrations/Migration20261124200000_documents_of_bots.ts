import { Migration } from '@mikro-orm/migrations';

/**
 * A bot has one tenant, which PostgreSQL cannot know: it would expect hardly a document of a bot of
 * a tenant, and rather sort all documents of a large bot than read the first of them in order from
 * their index.
 */
export class Migration20261124200000_documents_of_bots extends Migration {
  override name = 'Migration20261124200000_documents_of_bots';

  override up(): void {
    this.addSql(`create statistics docs_bots (dependencies) on tenant_id, bot_id from docs`);
    this.addSql(`analyze docs`);
  }

  override down(): void {
    this.addSql(`drop statistics docs_bots`);
  }
}
