import { Migration } from '@mikro-orm/migrations';

/**
 * Two chunks with their vectors leave some 1,200 bytes of a page free. PostgreSQL moves everything
 * it may out of a row that is longer than 2 KB, so all texts went to the TOAST table; now those
 * stay that fit, and are read with their vectors. 4,080 bytes are half of a page: there are two
 * rows on each as before. Chunks that were stored earlier stay as they are until they are stored
 * anew.
 */
export class Migration20261124210000_texts_beside_vectors extends Migration {
  override name = 'Migration20261124210000_texts_beside_vectors';

  override up(): void {
    this.addSql(`alter table doc_chunks set (toast_tuple_target = 4080)`);
  }

  override down(): void {
    this.addSql(`alter table doc_chunks reset (toast_tuple_target)`);
  }
}
