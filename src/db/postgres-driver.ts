import type { Configuration } from '@mikro-orm/core';
import { PostgreSqlDriver as UnawareDriver, PostgreSqlSchemaHelper, type PostgreSqlPlatform } from '@mikro-orm/postgresql';
import { SEARCH_INDEX_NAME } from './search-index-name.js';

type Indexes = Awaited<ReturnType<PostgreSqlSchemaHelper['getAllIndexes']>>;

/** Sees all indexes but those of `weaver search tune`: compared with the entities, each would be dropped as unknown. */
class SchemaHelper extends PostgreSqlSchemaHelper {
  override async getAllIndexes(...asked: Parameters<PostgreSqlSchemaHelper['getAllIndexes']>): Promise<Indexes> {
    const all = await super.getAllIndexes(...asked);
    return Object.fromEntries(Object.entries(all).map(([table, indexes]) => [table, indexes.filter(index => !SEARCH_INDEX_NAME.test(index.keyName))]));
  }
}

/** MikroORM's driver, with a schema comparison that leaves the indexes of `weaver search tune` alone. */
export class PostgreSqlDriver extends UnawareDriver {
  constructor(config: Configuration) {
    super(config);
    const helper = new SchemaHelper(this.platform as PostgreSqlPlatform);
    this.platform.getSchemaHelper = () => helper as ReturnType<PostgreSqlPlatform['getSchemaHelper']>;
  }
}
