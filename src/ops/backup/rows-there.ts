import { countRows, type RowCount } from '../row-counts.js';
import { DUMPED_TABLES, tableKey } from './counts.js';
import type { Session } from './session.js';

/** Rows of every table of a PostgreSQL database, for whoever is asked whether they may go. */
export async function countExistingRows({ run }: Session): Promise<ReadonlyMap<string, RowCount>> {
  const tables = await run<{ schema: string; name: string }>(DUMPED_TABLES);
  return countRows(
    async work => {
      await run('begin');
      try {
        return await work(run);
      } finally {
        await run('rollback');
      }
    },
    tables.map(({ schema, name }) => tableKey(schema, name)),
    Number.MAX_SAFE_INTEGER - 1,
  );
}
