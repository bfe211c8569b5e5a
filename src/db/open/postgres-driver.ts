import type { Configuration } from '@mikro-orm/core';
import {
  PostgreSqlDriver as UnawareDriver,
  PostgreSqlSchemaHelper,
  type PostgreSqlPlatform,
} from '@mikro-orm/postgresql';
import { LEGACY_POLICY } from '../legacy-names.js';
import { SEARCH_INDEX_NAME } from '../search-index-name.js';

type Indexes = Awaited<ReturnType<PostgreSqlSchemaHelper['getAllIndexes']>>;
type Policies = Awaited<ReturnType<PostgreSqlSchemaHelper['getAllPolicies']>>;

/**
 * Sees all but the indexes of `weaver search tune` and the older application's policies: compared
 * with the entities, each would be dropped as unknown. Takes databases of any name: MikroORM puts
 * the name between quotes as it is.
 */
class SchemaHelper extends PostgreSqlSchemaHelper {
  override getDatabaseExistsSQL(name: string): string {
    return super.getDatabaseExistsSQL(name.replaceAll("'", "''"));
  }

  override async getAllIndexes(
    ...asked: Parameters<PostgreSqlSchemaHelper['getAllIndexes']>
  ): Promise<Indexes> {
    const all = await super.getAllIndexes(...asked);
    return Object.fromEntries(
      Object.entries(all).map(([table, indexes]) => [
        table,
        indexes.filter(index => !SEARCH_INDEX_NAME.test(index.keyName)),
      ]),
    );
  }

  override async getAllPolicies(
    ...asked: Parameters<PostgreSqlSchemaHelper['getAllPolicies']>
  ): Promise<Policies> {
    const all = await super.getAllPolicies(...asked);
    return Object.fromEntries(
      Object.entries(all).map(([table, found]) => [
        table,
        { ...found, policies: found.policies.filter(policy => policy.name !== LEGACY_POLICY) },
      ]),
    );
  }
}

/**
 * MikroORM's driver, with a schema comparison that leaves alone what no entity knows and operators
 * want.
 */
export class PostgreSqlDriver extends UnawareDriver {
  constructor(config: Configuration) {
    super(config);
    const helper = new SchemaHelper(this.platform as PostgreSqlPlatform);
    this.platform.getSchemaHelper = () =>
      helper as ReturnType<PostgreSqlPlatform['getSchemaHelper']>;
  }
}
