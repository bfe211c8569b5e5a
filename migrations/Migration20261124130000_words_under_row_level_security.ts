import { Migration } from '@mikro-orm/migrations';

/**
 * Lets PostgreSQL use the indexes on words and on metadata under row-level security: it asks them
 * before a tenant's policy only where the operator is known to leak nothing. A superuser alone may
 * say so; where the owner of the tables is none, `weaver db bootstrap` does, or searches read all
 * of a tenant's chunks (docs/decisions/0008-words-under-row-level-security.md). These are functions
 * of the database itself, of which another program in it may have said the same: nothing is taken
 * back.
 */
export class Migration20261124130000_words_under_row_level_security extends Migration {
  override name = 'Migration20261124130000_words_under_row_level_security';

  // lint: allow rows-unclear: its block changes functions alone
  override up(): void {
    this.addSql(
      `
      do $do$ begin
        alter function pg_catalog.ts_match_vq(tsvector, tsquery) leakproof;
        alter function pg_catalog.jsonb_contains(jsonb, jsonb) leakproof;
      exception when insufficient_privilege then
        raise notice 'Searches by words and by metadata will read all chunks of a tenant. ` +
        `Run "weaver db bootstrap" as a superuser to let them use their indexes.';
      end $do$`,
    );
  }

  override down(): void {
    this.addSql('select 1');
  }
}
