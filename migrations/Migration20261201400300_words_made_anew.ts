import { Migration } from '@mikro-orm/migrations';

/**
 * Reads the words of all stored chunks anew, with those of their context, in batches of two
 * hundred, while searches go on. A run that was broken off goes on where it ended. An adoption is
 * one transaction.
 */
export class Migration20261201400300_words_made_anew extends Migration {
  override name = 'Migration20261201400300_words_made_anew';

  override isTransactional(): boolean {
    return false;
  }

  // lint: allow rows-unclear: its procedure changes words alone
  override up(): void {
    this.addSql(`call weaver_make_words_anew(${this.ctx ? 'in_transaction => true' : ''})`);
  }

  override down(): void {
    this.addSql('select 1');
  }
}
