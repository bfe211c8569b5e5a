import { Migration } from '@mikro-orm/migrations';

/**
 * Refuses values that SQL allows and the API has no type for: sources that are no objects, and
 * scopes in lists of lists. No row is read, and rows that hold such a value stay as they are; the
 * next migration looks at them.
 */
export class Migration20261201100000_shapes_of_rows extends Migration {
  override name = 'Migration20261201100000_shapes_of_rows';

  override up(): void {
    this.addSql(
      'alter table bot_queries add constraint bot_queries_sources_are_objects check (not ' +
        `coalesce(jsonb_path_match(sources, 'strict $[*].type() != "object"', '{}', true), ` +
        'false)) not valid',
    );
    this.addSql(
      'alter table api_keys add constraint api_keys_scopes_one_list check ' +
        '(coalesce(array_ndims(scopes), 1) = 1) not valid',
    );
  }

  override down(): void {
    this.addSql('alter table api_keys drop constraint api_keys_scopes_one_list');
    this.addSql('alter table bot_queries drop constraint bot_queries_sources_are_objects');
  }
}
