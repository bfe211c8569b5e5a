import { Migration } from '@mikro-orm/migrations';

/**
 * Reads every chunk's row, while others read and write: in a transaction of its own, since the one
 * that added the columns keeps others out until it ends.
 */
export class Migration20261201400100_texts_of_documents_validated extends Migration {
  override name = 'Migration20261201400100_texts_of_documents_validated';

  override up(): void {
    for (const constraint of ['headings_are_texts', 'place_in_text'])
      this.addSql(`alter table doc_chunks validate constraint doc_chunks_${constraint}`);
  }

  /** Valid constraints need no others in their place. */
  override down(): void {
    this.addSql('select 1');
  }
}
