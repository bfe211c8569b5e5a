import { Migration } from '@mikro-orm/migrations';

/**
 * An e-mail address is one user of its tenant, whatever its case. Where it is that of several users
 * already, nothing is changed and there is no index: `weaver db doctor` names them, and says how to
 * make it when they are one. The constraint on the address as it is written stays, for programs
 * that name it.
 *
 * Nobody writes users while the index is built: a second for 200,000 of them. A build that lets
 * them write could not be left out where it must fail. 600 characters of a folded address always
 * fit the index.
 */
export class Migration20261130100800_one_user_of_address extends Migration {
  override name = 'Migration20261130100800_one_user_of_address';

  // lint: allow rows-unclear: its block makes an index
  override up(): void {
    this.addSql(
      `do $do$ begin
      create unique index profiles_email_one_user on profiles (tenant_id, ` +
        `"left"(weaver_fold(email), 600));
    exception when unique_violation then
      raise warning 'Users of a tenant have one e-mail address in different spellings. ` +
        `They were not changed: "weaver db doctor" names them.';
    end $do$`,
    );
  }

  override down(): void {
    this.addSql(
      'drop index if exists profiles_email_one_user -- lint: allow drop-index-blocks: it ' +
        'takes no time, and profiles are few',
    );
  }
}
