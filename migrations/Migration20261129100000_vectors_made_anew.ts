import { Migration } from '@mikro-orm/migrations';

/**
 * Lets the operator put other vectors in place of stored ones, as `weaver search reembed` does when
 * the embedding model changes. Nothing else of a chunk is ever changed.
 */
export class Migration20261129100000_vectors_made_anew extends Migration {
  override name = 'Migration20261129100000_vectors_made_anew';

  override up(): void {
    this.addSql(`grant update (embedding) on doc_chunks to weaver_operator`);
  }

  override down(): void {
    this.addSql(`revoke update (embedding) on doc_chunks from weaver_operator`);
  }
}
