import type { MikroORM } from '@mikro-orm/core';
import { PgliteDriver, PgliteSchemaGenerator } from '@mikro-orm/pglite';
import {
  SchemaGenerator as UnguardedGenerator,
  type SqlEntityManager,
} from '@mikro-orm/postgresql';
import { StartupError } from '../../base/startup-error.js';
import { emittedSql, migrationFiles } from './emitted-sql.js';
import type { MigrationGuards } from './guards.js';
import { readSql } from './read-sql.js';
import { tableKey } from '../backup/counts.js';
import { countRows, passingOn } from '../row-counts.js';
import { SCHEMA } from '../../db/weavers-schema.js';
import { COUNTED_ROWS, isLoss, removalsOf, type Removal } from './removals.js';

type Refuse = (error: StartupError) => never;
type Generator = new (em: SqlEntityManager) => UnguardedGenerator;
type MethodOptions<Method extends 'drop' | 'update' | 'clear'> = Parameters<
  UnguardedGenerator[Method]
>[0];

/**
 * MikroORM's schema generator, which goes past the migrator: `migration:fresh` and `schema:drop`,
 * `:update`, `:fresh` would drop rows without asking. Here they say what goes, and stop where there
 * are rows and nobody has agreed to lose them.
 */
export function registerGuardedGenerator(
  guards: MigrationGuards,
  refuse: Refuse,
): { register(orm: MikroORM): void } {
  return {
    register(orm) {
      const Base: Generator =
        orm.config.getDriver() instanceof PgliteDriver ? PgliteSchemaGenerator : UnguardedGenerator;
      const Guarded = guardedGenerator(Base, guards, refuse);
      orm.config.registerExtension(
        '@mikro-orm/schema-generator',
        () => new Guarded(orm.em as unknown as SqlEntityManager),
      );
    },
  };
}

function guardedGenerator(Base: Generator, guards: MigrationGuards, refuse: Refuse): Generator {
  return class SchemaGenerator extends Base {
    override async drop(options: MethodOptions<'drop'> = {}): Promise<void> {
      if (options.dropDb) return super.drop(options);
      const drops = await statementsIn(await this.getDropSchemaSQL({ ...options, wrap: false }));
      // What is in migrations alone MikroORM leaves, and the migrations that follow would find it
      // there.
      const others = options.dropMigrationsTable ? await dropsOfMigrations() : [];
      await this.#confirm(await removalsOf(this.connection, [...drops, ...others]));
      await super.drop(options);
      for (const sql of others) await this.connection.execute(sql);
      if (options.dropMigrationsTable) await this.#dropFunctions();
    }

    override async update(options: MethodOptions<'update'> = {}): Promise<void> {
      await this.#confirm(
        await removalsOf(
          this.connection,
          await statementsIn(await this.getUpdateSchemaSQL({ ...options, wrap: false })),
        ),
      );
      guards.warn(
        'schema:update goes past the migrations: the log of migrations does not know ' +
          'about it. "npx weaver db check" shows the difference.',
      );
      await super.update(options);
    }

    override async clear(options?: MethodOptions<'clear'>): Promise<void> {
      await this.#confirm((await this.#allTables()).map(removal => ({ ...removal, kind: 'rows' })));
      await super.clear(options);
    }

    override async dropDatabase(name?: string): Promise<void> {
      await this.#confirm(await this.#allTables());
      await super.dropDatabase(name);
    }

    /**
     * Functions are of migrations alone: no entity declares one. The `down` of a new migration
     * would make all of them again, as what the entities lack.
     */
    override diffToSQL(
      diff: Parameters<UnguardedGenerator['diffToSQL']>[0],
      options: Parameters<UnguardedGenerator['diffToSQL']>[1],
    ): string {
      return super.diffToSQL({ ...diff, newRoutines: {} }, options);
    }

    async #confirm(removals: Removal[]): Promise<void> {
      guards.announce({ method: 'down', names: [], removals });
      if (removals.some(isLoss) && !guards.confirmed)
        refuse(new StartupError(`Nothing was changed. ${guards.hints.confirm}`));
    }

    async #allTables(): Promise<Removal[]> {
      const tables = await this.connection.execute<{ name: string }[]>(
        `select tablename as name from pg_tables where schemaname = current_schema() order by 1`,
      );
      const keys = new Map(tables.map(({ name }) => [tableKey(SCHEMA, name), name]));
      const counts = await countRows(passingOn(this.connection), [...keys.keys()], COUNTED_ROWS);
      return [...counts].map(([key, rows]) => ({ kind: 'table', what: keys.get(key)!, rows }));
    }

    async #dropFunctions(): Promise<void> {
      const functions = await this.connection.execute<{ name: string }[]>(
        'select p.oid::regprocedure::text as name from pg_proc p ' +
          'where p.pronamespace = current_schema()::regnamespace ' +
          "and p.proname like 'weaver\\_%'",
      );
      for (const { name } of functions) await this.connection.execute(`drop routine ${name}`);
    }
  };
}

/** Drops of every table that a migration of this version makes. */
async function dropsOfMigrations(): Promise<string[]> {
  const tables = new Set<string>();
  for (const file of migrationFiles().values()) {
    for (const sql of (await emittedSql(file)).up)
      for (const table of (await readSql(sql)).creates) tables.add(table);
  }
  return [...tables].map(table => `drop table if exists "${table}" cascade`);
}

async function statementsIn(script: string): Promise<readonly string[]> {
  return (await readSql(script)).statements;
}
