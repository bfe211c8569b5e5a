import { Migration } from '@mikro-orm/migrations';

/** Reads the rows that were there when the checks were added; others go on meanwhile. */
export class Migration20261201200200_languages_validated extends Migration {
  override name = 'Migration20261201200200_languages_validated';

  override up(): void {
    this.addSql('alter table bots validate constraint bots_language_is_code');
    this.addSql('alter table docs validate constraint docs_language_is_code');
  }

  override down(): void {
    this.addSql('select 1');
  }
}
