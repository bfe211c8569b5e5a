import { Migration } from '@mikro-orm/migrations';

/** For whether a tenant has a file already, and for vectors that need not be made again. */
export class Migration20261202200200_documents_by_content extends Migration {
  override name = 'Migration20261202200200_documents_by_content';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      'create index concurrently docs_by_content on docs (tenant_id, content_sha256) ' +
        'where content_sha256 is not null',
    );
  }

  override down(): void {
    this.addSql('drop index concurrently docs_by_content');
  }
}
