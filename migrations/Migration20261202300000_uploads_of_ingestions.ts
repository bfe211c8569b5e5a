import { Migration } from '@mikro-orm/migrations';

/**
 * An ingestion refers to the upload of its file, and the file goes with it: once the document is
 * deleted, nobody can reach it.
 */
export class Migration20261202300000_uploads_of_ingestions extends Migration {
  override name = 'Migration20261202300000_uploads_of_ingestions';

  override up(): void {
    this.addSql(
      'alter table ingestions add constraint ingestions_upload_fk ' +
        'foreign key (tenant_id, upload_id) references uploads (tenant_id, id) ' +
        'on delete set null (upload_id) not valid',
    );
    this.addSql('alter table ingestions validate constraint ingestions_upload_fk');
    this.addSql(
      `create function weaver_delete_upload_of_ingestion() returns trigger ` +
        `language plpgsql as $function$
  begin
    delete from uploads where tenant_id = old.tenant_id and id = old.upload_id;
    return null;
  end $function$`,
    );
    this.addSql(
      'create trigger ingestions_delete_upload after delete on ingestions for each row ' +
        'when (old.upload_id is not null) execute function weaver_delete_upload_of_ingestion()',
    );
  }

  override down(): void {
    this.addSql('drop trigger ingestions_delete_upload on ingestions');
    this.addSql('drop function weaver_delete_upload_of_ingestion()');
    this.addSql('alter table ingestions drop constraint ingestions_upload_fk');
  }
}
