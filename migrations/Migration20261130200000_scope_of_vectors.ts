import { Migration } from '@mikro-orm/migrations';

const known = (scopes: string): string[] => [
  `alter table api_keys drop constraint api_keys_scopes_known`,
  'alter table api_keys add constraint api_keys_scopes_known ' +
    `check (scopes <@ array[${scopes}]) -- lint: allow constraint-not-valid: keys are few, ` +
    'and read at once',
];

/** Keys that only read get the vectors of chunks by a scope of its own. */
export class Migration20261130200000_scope_of_vectors extends Migration {
  override name = 'Migration20261130200000_scope_of_vectors';

  override up(): void {
    for (const statement of known(
      `'read'::text, 'write'::text, 'search'::text, 'ask'::text, 'admin'::text, 'vectors'::text`,
    ))
      this.addSql(statement);
  }

  /** Keys lose the scope; one that has no other opens nothing then. */
  override down(): void {
    // Row-level security would hide all keys from the owner.
    this.addSql(`alter table api_keys no force row level security`);
    this.addSql(
      `update api_keys set scopes = array_remove(scopes, 'vectors') where 'vectors' = any(scopes)`,
    );
    this.addSql(`alter table api_keys force row level security`);
    for (const statement of known(
      `'read'::text, 'write'::text, 'search'::text, 'ask'::text, 'admin'::text`,
    ))
      this.addSql(statement);
  }
}
