import type { PGlite } from '@electric-sql/pglite';
import type { PgliteConnection } from '@mikro-orm/pglite';
import type { Database } from '../../db/database.js';
import type { RunSql } from '../migrations/catalogue.js';
import type { BackupContext } from './backup-context.js';
import type { PartialFile } from './backup-file.js';
import { copyFrom, copyTo, type KeyedTable } from './portable-tables.js';
import { backupRows, type PortableContents, type RowSink } from './portable.js';

/**
 * The embedded database gives and takes all that one statement copies at once: so a few rows go in
 * each. Those of uploads take two megabytes.
 */
const ROWS_A_STATEMENT = 500;
const FIRST_ROWS = 10;
const BYTES_A_STATEMENT = 4_000_000;

async function pgliteOf(database: Database): Promise<PGlite> {
  return (await (
    database.orm.em.getDriver().getConnection() as PgliteConnection
  ).getNativeClient()) as PGlite;
}

/** Writes the rows of the embedded database. */
export async function backupEmbeddedRows(
  database: Database,
  partial: PartialFile,
  context: BackupContext,
): Promise<PortableContents> {
  const pglite = await pgliteOf(database);
  const run: RunSql = async sql => (await pglite.query(sql)).rows as never;
  return backupRows(run, partial, table => rowsOf(pglite, table), context).catch(async error => {
    await run('rollback');
    throw error;
  });
}

async function* rowsOf(pglite: PGlite, table: KeyedTable): AsyncGenerator<Buffer, number> {
  let total = 0;
  let limit = FIRST_ROWS;
  for (let after: string | undefined; ;) {
    const { blob, affectedRows = 0 } = await pglite.query(
      copyTo(table, `'/dev/blob'`, { after, limit }),
    );
    if (!blob || blob.size === 0) return total;
    const rows = Buffer.from(await blob.arrayBuffer());
    total += affectedRows;
    // Rows of one table are about as long as those before them.
    limit = Math.ceil(Math.min(ROWS_A_STATEMENT, (affectedRows * BYTES_A_STATEMENT) / rows.length));
    yield rows;
    const lastRow = rows.subarray(rows.lastIndexOf('\n', rows.length - 2) + 1);
    after = lastRow.toString('utf8', 0, lastRow.indexOf('\t'));
  }
}

/** Where rows go in a transaction of the embedded database. */
export async function embeddedSink(database: Database): Promise<RowSink> {
  const pglite = await pgliteOf(database);
  return {
    run: async <R>(sql: string) => (await pglite.query<R>(sql)).rows,
    async open(table) {
      let pendingRows: Buffer[] = [];
      let bytes = 0;
      const copy = async (): Promise<void> => {
        const blob = new Blob(pendingRows as Buffer<ArrayBuffer>[]);
        pendingRows = [];
        bytes = 0;
        await pglite.query(copyFrom(table, `'/dev/blob'`), [], { blob });
      };
      return {
        async write(rows) {
          // A copy: what was read is a view of a larger piece, and that piece would stay as long.
          pendingRows.push(Buffer.from(rows));
          bytes += rows.length;
          if (bytes >= BYTES_A_STATEMENT) await copy();
        },
        async end() {
          if (bytes > 0) await copy();
        },
      };
    },
    async finish() {},
  };
}
