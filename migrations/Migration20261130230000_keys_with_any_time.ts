import { Migration } from '@mikro-orm/migrations';

/**
 * Lets a key with a time from before `api_keys_times_rfc3339` be withdrawn and rotated by its
 * tenant, whose role may not write these columns: whoever changes its secrets or revokes it leaves
 * the nearest time that RFC 3339 can write. Of an expiry that is never: null means that.
 */
export class Migration20261130230000_keys_with_any_time extends Migration {
  override name = 'Migration20261130230000_keys_with_any_time';

  override up(): void {
    this.addSql(
      `create function weaver_keep_times_of_key() returns trigger language plpgsql as ` +
        `$function$
    declare
      first constant timestamptz := '0001-01-01 00:00:00+00';
      last constant timestamptz := '9999-12-31 23:59:59.999999+00';
    begin
      -- greatest() would take the first time for none.
      new.expires_at := case when new.expires_at <= last then greatest(new.expires_at, first) end;
      new.previous_expires_at := case when new.previous_expires_at is not null ` +
        `then greatest(least(new.previous_expires_at, last), first) end;
      new.last_used_at := case when weaver_is_rfc3339(new.last_used_at) then new.last_used_at end;
      new.created_at := greatest(least(new.created_at, last), first);
      return new;
    end $function$`,
    );
    this.addSql(
      'create trigger api_keys_keep_times before update of revoked, key_hash, ' +
        'previous_expires_at on api_keys for each row ' +
        'when (not weaver_is_rfc3339(old.expires_at) ' +
        'or not weaver_is_rfc3339(old.previous_expires_at) ' +
        'or not weaver_is_rfc3339(old.last_used_at) ' +
        'or not weaver_is_rfc3339(old.created_at)) ' +
        'execute function weaver_keep_times_of_key()',
    );
  }

  override down(): void {
    this.addSql(`drop trigger api_keys_keep_times on api_keys`);
    this.addSql(`drop function weaver_keep_times_of_key()`);
  }
}
