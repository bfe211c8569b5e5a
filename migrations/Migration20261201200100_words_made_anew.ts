import { Migration } from '@mikro-orm/migrations';

/**
 * Reads the words of all stored chunks anew, in batches of two hundred, while searches go on. A run
 * that was broken off goes on where it ended.
 */
export class Migration20261201200100_words_made_anew extends Migration {
  override name = 'Migration20261201200100_words_made_anew';

  override isTransactional(): boolean {
    return false;
  }

  // lint: allow rows-unclear: its procedure changes words alone
  override up(): void {
    this.addSql('call weaver_make_words_anew()');
  }

  override down(): void {
    this.addSql('select 1');
  }
}
