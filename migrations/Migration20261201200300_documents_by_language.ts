import { Migration } from '@mikro-orm/migrations';

/** For questions, which are read in all languages of a tenant's documents. */
export class Migration20261201200300_documents_by_language extends Migration {
  override name = 'Migration20261201200300_documents_by_language';

  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    this.addSql(
      'create index concurrently docs_by_language on docs (tenant_id, language) ' +
        'where language is not null',
    );
  }

  override down(): void {
    this.addSql('drop index concurrently docs_by_language');
  }
}
