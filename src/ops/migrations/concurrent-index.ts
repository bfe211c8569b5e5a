import type { Connection } from '@mikro-orm/core';
import { StartupError } from '../../base/startup-error.js';
import type { SqlReading } from './read-sql.js';

const REINDEX_LEAVES = /_cc(?:new|old)\d*$/;

interface Invalid {
  /** Written as SQL wants it. */
  readonly name: string;
  readonly bare: string;
  readonly table: string;
  /** By a session that lives. */
  readonly isBeingBuilt: boolean;
}

/**
 * The indexes that one statement builds concurrently, and what broken-off builds of them left
 * behind: invalid, unused, and paid for by every write.
 */
export class ConcurrentIndex {
  private constructor(
    private readonly connection: Connection,
    private readonly matches: (index: Invalid) => boolean,
    private readonly isNamed: boolean,
  ) {}

  /** Undefined where the statement builds none, or one without a name. */
  static async of(
    connection: Connection,
    { concurrent }: Pick<SqlReading, 'concurrent'>,
  ): Promise<ConcurrentIndex | undefined> {
    if (concurrent?.builds) {
      const { index: name, table: on } = concurrent.builds;
      const [table] = await connection.execute<{ oid: string | null }[]>(
        'select to_regclass(?)::oid::text as oid',
        [on],
      );
      return new ConcurrentIndex(
        connection,
        index => index.bare === name && index.table === table?.oid,
        true,
      );
    }
    if (!concurrent?.reindexes) return undefined;
    const before = new Set((await invalidIndexes(connection)).map(index => index.name));
    return new ConcurrentIndex(
      connection,
      index => REINDEX_LEAVES.test(index.bare) && !before.has(index.name),
      false,
    );
  }

  /**
   * Takes away what an earlier run of the same statement left. Throws a `StartupError` while
   * another session builds that index.
   */
  async prepare(): Promise<void> {
    if (!this.isNamed) return;
    for (const { name, isBeingBuilt } of await this.#left()) {
      if (isBeingBuilt)
        throw new StartupError(
          `Another session is building the index ${name}. Run it again when that is done.`,
        );
      await this.connection.execute(`drop index concurrently if exists ${name}`);
    }
  }

  /** Names of what is invalid after the statement, and built by nobody. */
  async left(): Promise<string[]> {
    return (await this.#left()).filter(({ isBeingBuilt }) => !isBeingBuilt).map(({ name }) => name);
  }

  async #left(): Promise<Invalid[]> {
    return (await invalidIndexes(this.connection)).filter(this.matches);
  }
}

function invalidIndexes(connection: Connection): Promise<Invalid[]> {
  // Of others' builds a login may see no more than that there is one.
  return connection.execute<Invalid[]>(
    `select format('%I.%I', n.nspname, c.relname) as name, c.relname::text as bare,
            i.indrelid::text as "table",
            exists (select from pg_stat_progress_create_index p
                     where p.datname = current_database()
                       and coalesce(p.index_relid, c.oid) = c.oid) as "isBeingBuilt"
       from pg_index i
       join pg_class c on c.oid = i.indexrelid
       join pg_namespace n on n.oid = c.relnamespace
      where not i.indisvalid`,
  );
}
