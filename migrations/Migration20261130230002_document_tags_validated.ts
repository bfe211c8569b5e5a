import { Migration } from '@mikro-orm/migrations';

/**
 * Reads every document's row once, while others read and write: in a transaction of its own, since
 * the one that added the column keeps others out until it ends.
 */
export class Migration20261130230002_document_tags_validated extends Migration {
  override name = 'Migration20261130230002_document_tags_validated';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(`alter table docs validate constraint docs_tags_are_texts`);
  }

  /** A valid constraint needs no other one in its place. */
  override down(): void {
    this.addSql('select 1');
  }
}
