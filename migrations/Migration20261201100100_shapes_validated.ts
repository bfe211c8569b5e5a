import { Migration } from '@mikro-orm/migrations';

const CONSTRAINTS: Readonly<Record<string, string>> = {
  bot_queries: 'bot_queries_sources_are_objects',
  api_keys: 'api_keys_scopes_one_list',
};

/**
 * Reads every row once, while others read and write. Where a row breaks a constraint, it stays as
 * it is: it holds for what is written from now on. `weaver db doctor` names the rows, which only
 * the operator can mend.
 */
export class Migration20261201100100_shapes_validated extends Migration {
  override name = 'Migration20261201100100_shapes_validated';

  // lint: allow rows-unclear: its blocks read rows and write none
  override up(): void {
    for (const [table, constraint] of Object.entries(CONSTRAINTS)) {
      this.addSql(
        `do $do$ begin
        alter table ${table} validate constraint ${constraint};
      exception when check_violation then
        raise warning 'Rows of ${table} break the constraint ${constraint}. ` +
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
