import { Migration } from '@mikro-orm/migrations';

/**
 * No row is read or written: the default is a constant, which PostgreSQL keeps beside the table,
 * and the next migration looks at the rows.
 */
export class Migration20261130230001_document_tags extends Migration {
  override name = 'Migration20261130230001_document_tags';

  override up(): void {
    this.addSql(`alter table docs add column tags text[] not null default '{}'::text[]`);
    this.addSql(
      'alter table docs add constraint docs_tags_are_texts check ' +
        '(coalesce(array_ndims(tags), 1) = 1 and array_position(tags, null) is null) not valid',
    );
  }

  override down(): void {
    this.addSql(`alter table docs drop constraint docs_tags_are_texts`);
    this.addSql(`alter table docs drop column tags`);
  }
}
