import { Migration } from '@mikro-orm/migrations';

/** The columns of each table that hold an instant. */
const TIMES: Readonly<Record<string, readonly string[]>> = {
  tenants: ['created_at', 'updated_at'],
  profiles: ['created_at', 'updated_at'],
  bots: ['created_at', 'updated_at'],
  docs: ['created_at', 'updated_at'],
  doc_chunks: ['created_at'],
  api_keys: ['expires_at', 'last_used_at', 'previous_expires_at', 'created_at', 'updated_at'],
  bot_queries: ['created_at'],
  audit_log: ['created_at'],
  idempotency_keys: ['created_at'],
  rate_limits: ['minute'],
};

/**
 * Refuses the instants that PostgreSQL can hold and RFC 3339 cannot write: `infinity`, and years
 * before 1 and after 9999. No row is read, and rows that hold such an instant stay as they are; the
 * next migration looks at them.
 */
export class Migration20261130100000_times_of_calendar extends Migration {
  override name = 'Migration20261130100000_times_of_calendar';

  override up(): void {
    // A function, since a constant of this type in a constraint would read otherwise in each time
    // zone.
    this.addSql(
      `create function weaver_is_rfc3339(timestamptz) returns boolean language sql ` +
        `immutable parallel safe as $function$
      select $1 is null or ($1 >= '0001-01-01 00:00:00+00' and $1 < '10000-01-01 00:00:00+00')
    $function$`,
    );
    for (const [table, columns] of Object.entries(TIMES)) {
      const condition = columns.map(column => `weaver_is_rfc3339(${column})`).join(' and ');
      this.addSql(
        `alter table ${table} add constraint ${table}_times_rfc3339 check (${condition}) not valid`,
      );
    }
  }

  override down(): void {
    for (const table of Object.keys(TIMES).toReversed())
      this.addSql(`alter table ${table} drop constraint ${table}_times_rfc3339`);
    this.addSql(`drop function weaver_is_rfc3339(timestamptz)`);
  }
}
