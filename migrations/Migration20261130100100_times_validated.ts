import { Migration } from '@mikro-orm/migrations';

const TABLES = [
  'tenants',
  'profiles',
  'bots',
  'docs',
  'doc_chunks',
  'api_keys',
  'bot_queries',
  'audit_log',
  'idempotency_keys',
  'rate_limits',
];

/**
 * Reads every row once, while others read and write. Of a table with an instant outside the
 * calendar the constraint stays as it is: it holds for what is written from now on. `weaver db
 * doctor` names the rows, which only the operator can mend.
 */
export class Migration20261130100100_times_validated extends Migration {
  override name = 'Migration20261130100100_times_validated';

  // lint: allow rows-unclear: its blocks read rows and write none
  override up(): void {
    for (const table of TABLES) {
      this.addSql(
        `do $do$ begin
        alter table ${table} validate constraint ${table}_times_rfc3339;
      exception when check_violation then
        raise warning 'Rows of ${table} hold times outside the years 1 to 9999. ` +
          `They were not changed: "weaver db doctor" names them.';
      end $do$`,
      );
    }
  }

  /** A valid constraint needs no other one in its place. */
  override down(): void {
    this.addSql('select 1');
  }
}
