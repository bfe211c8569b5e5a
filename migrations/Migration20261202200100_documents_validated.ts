import { Migration } from '@mikro-orm/migrations';

/**
 * Reads every document's row once, while others read and write: in a transaction of its own, since
 * the one that added the columns keeps others out until it ends.
 */
export class Migration20261202200100_documents_validated extends Migration {
  override name = 'Migration20261202200100_documents_validated';

  override up(): void {
    for (const constraint of ['metadata_is_object', 'content_sha256_is_hex'])
      this.addSql(`alter table docs validate constraint docs_${constraint}`);
  }

  /** Valid constraints need no others in their place. */
  override down(): void {
    this.addSql('select 1');
  }
}
