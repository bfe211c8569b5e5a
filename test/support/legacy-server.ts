import { Client } from 'pg';
import { readCatalogue, type Catalogue } from '../../src/ops/migrations/catalogue.js';
import { freshDatabase, weaver, type Outcome } from './command.js';
import { fillLegacy, makeLegacy, type Revision } from './legacy-database.js';
import { databaseUrl } from './template-database.js';

let made = 0;

/** A database of the older Weaver on the run's PostgreSQL, and what tests ask of it. */
export class LegacyDatabase {
  private constructor(
    readonly admin: string,
    /** A plain login that owns the older tables: no superuser, held by policies. */
    readonly owner: string,
    private readonly client: Client,
    private readonly logins: string[],
    private readonly drop: () => Promise<void>,
  ) {}

  static async make(revision: Revision, { filled = true } = {}): Promise<LegacyDatabase> {
    const fresh = await freshDatabase();
    const { admin } = fresh.urls!;
    const client = new Client({ connectionString: admin });
    await client.connect();
    const owner = `older_owner_${process.pid}_${Date.now().toString(36)}_${made++}`;
    await client.query(`create extension vector`);
    await client.query(`create extension "uuid-ossp"`);
    await client.query(`create extension btree_gin`);
    const url = databaseUrl(admin, new URL(admin).pathname.slice(1), {
      user: owner,
      password: 'x',
    });
    const database = new LegacyDatabase(admin, url, client, [owner], fresh.close);
    await weaver({ DATABASE_URL: admin }, [
      'db',
      'bootstrap',
      '--owner',
      owner,
      '--login',
      await database.login(),
    ]);
    const asOwner = new Client({ connectionString: url });
    await asOwner.connect();
    await makeLegacy(asOwner, revision);
    if (filled) await fillLegacy(asOwner, revision);
    await asOwner.end();
    return database;
  }

  /** Makes another login, of the older application or the gateway, and gives its name. */
  async login(): Promise<string> {
    const name = `older_login_${process.pid}_${Date.now().toString(36)}_${made++}`;
    await this.client.query(`create role ${name} login`);
    this.logins.push(name);
    return name;
  }

  urlOf(login: string): string {
    return databaseUrl(this.admin, new URL(this.admin).pathname.slice(1), {
      user: login,
      password: 'x',
    });
  }

  /** `weaver db adopt …`, as the plain owner. */
  adopt(...args: string[]): Promise<Outcome> {
    return weaver({ DATABASE_URL: this.owner }, ['db', 'adopt', ...args]);
  }

  async sql<R = Record<string, unknown>>(sql: string, values: unknown[] = []): Promise<R[]> {
    return (await this.client.query(sql, values)).rows as R[];
  }

  catalogue(): Promise<Catalogue> {
    return readCatalogue(async sql => (await this.client.query(sql)).rows);
  }

  /** Every row of the tables that are there, but those that are made to be lost. */
  async rows(prefix = ''): Promise<Record<string, Record<string, unknown>[]>> {
    const rows: Record<string, Record<string, unknown>[]> = {};
    for (const { name } of await this.sql<{ name: string }>(
      'select relname::text as name from pg_class ' +
        "where relnamespace = 'public'::regnamespace and relkind = 'r' " +
        "and relpersistence = 'p' and starts_with(relname::text, $1) order by 1",
      [prefix],
    )) {
      rows[name] = (
        await this.sql<{ row: Record<string, unknown> }>(
          `select to_jsonb(t) as row from ${name} t order by to_jsonb(t)::text collate "C"`,
        )
      ).map(({ row }) => row);
    }
    return rows;
  }

  async close(): Promise<void> {
    await this.client.end();
    await this.drop();
    const maintenance = new Client({ connectionString: databaseUrl(this.admin, 'postgres') });
    await maintenance.connect();
    for (const login of this.logins) await maintenance.query(`drop role if exists ${login}`);
    await maintenance.end();
  }
}

/**
 * A catalogue without what adoption keeps, and without the extension that the older Weaver brought.
 */
export function withoutLegacyObjects(catalogue: Catalogue): Catalogue {
  const kept = (name: string): boolean => /\bweaver_legacy_/.test(name);
  const pick = <T>(record: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !kept(name)));
  return {
    ...catalogue,
    extensions: catalogue.extensions.filter(name => name !== 'uuid-ossp'),
    tables: pick(catalogue.tables),
    functions: pick(catalogue.functions),
  };
}
