import { MikroORM } from '@mikro-orm/core';
import { databaseOptions, IN_MEMORY } from '../../src/db/open/database-options.js';
import { ReadModels } from '../../src/db/read-model.js';
import { ENTITIES } from '../../src/entities.js';

/** The read models of the real entities, without a database: nothing connects. */
export async function readModels(): Promise<ReadModels> {
  return new ReadModels(
    await MikroORM.init(
      (await databaseOptions({ kind: 'embedded', dataDir: IN_MEMORY }, 'serve', ENTITIES)).orm,
    ),
  );
}
