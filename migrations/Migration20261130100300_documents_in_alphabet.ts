import { Migration } from '@mikro-orm/migrations';

/**
 * For documents by file name. The index on the plain name stays: it finds the documents of one
 * name.
 */
export class Migration20261130100300_documents_in_alphabet extends Migration {
  override name = 'Migration20261130100300_documents_in_alphabet';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      'create index concurrently docs_in_alphabet on docs (tenant_id, ' +
        'weaver_sort_key(filename), id)',
    );
  }

  override down(): void {
    this.addSql(`drop index concurrently docs_in_alphabet`);
  }
}
