import { Migration } from '@mikro-orm/migrations';

/**
 * A new secret puts the old one in its second place, for as long as the update says. Thus whoever
 * rotates keys need not be able to read digests.
 */
export class Migration20261124110100_rotated_keys extends Migration {
  override name = 'Migration20261124110100_rotated_keys';

  override up(): void {
    // A key without a prefix is of an older Weaver: its first new digest is the same secret's.
    this.addSql(
      `create function weaver_keep_previous_secret() returns trigger language plpgsql as ` +
        `$function$
    begin
      if new.previous_expires_at > now() then
        new.previous_prefix := old.key_prefix;
        new.previous_hash := old.key_hash;
      else
        new.previous_prefix := null;
        new.previous_hash := null;
        new.previous_expires_at := null;
      end if;
      return new;
    end $function$`,
    );
    this.addSql(
      'create trigger api_keys_keep_previous_secret before update on api_keys ' +
        'for each row when (old.key_prefix is not null and old.key_hash <> new.key_hash) ' +
        'execute function weaver_keep_previous_secret()',
    );
    this.addSql(`revoke update (previous_prefix, previous_hash) on api_keys from weaver_tenant`);
  }

  override down(): void {
    this.addSql(`grant update (previous_prefix, previous_hash) on api_keys to weaver_tenant`);
    this.addSql(`drop trigger api_keys_keep_previous_secret on api_keys`);
    this.addSql(`drop function weaver_keep_previous_secret()`);
  }
}
