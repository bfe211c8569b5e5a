import type { PGlite } from '@electric-sql/pglite';
import type { PgliteConnection } from '@mikro-orm/pglite';
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Database } from '../../db/database.js';
import type { PartialFile } from './backup-file.js';
import {
  refuseWithoutTables,
  writePortable,
  type RowSink,
  type PortableContents,
} from './portable.js';
import {
  appliedMigrations,
  portableTables,
  inPublic,
  quotedColumns,
  TEXT_SETTINGS,
  type KeyedTable,
} from './portable-tables.js';
import type { BackupContext } from './backup-context.js';

/**
 * The embedded database gives and takes all that one statement copies at once: so a few rows go in
 * each.
 */
const ROWS_A_STATEMENT = 500;
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
  const run = async <R>(sql: string): Promise<R[]> => (await pglite.query<R>(sql)).rows;
  await run('begin isolation level repeatable read read only');
  try {
    for (const setting of TEXT_SETTINGS) await run(setting);
    const migrations = await appliedMigrations(run);
    refuseWithoutTables(migrations);
    return await writePortable(
      partial,
      migrations,
      await portableTables(run),
      table => rowsOf(pglite, table),
      context,
    );
  } finally {
    await run('rollback');
  }
}

async function* rowsOf(pglite: PGlite, table: KeyedTable): AsyncGenerator<Buffer, number> {
  let total = 0;
  for (let after: string | undefined; ;) {
    const from =
      after === undefined ? '' : ` where ${escapeIdentifier(table.key)} > ${escapeLiteral(after)}`;
    const { blob, affectedRows = 0 } = await pglite.query(
      `copy (select ${quotedColumns(table)} from ${inPublic(table)}${from} order by ` +
        (`${escapeIdentifier(table.key)} limit ${ROWS_A_STATEMENT}) to '/dev/blob' ` +
          "(encoding 'UTF8')"),
    );
    if (!blob || blob.size === 0) return total;
    const rows = Buffer.from(await blob.arrayBuffer());
    total += affectedRows;
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
        await pglite.query(
          `copy ${inPublic(table)} (${quotedColumns(table)}) from '/dev/blob' (encoding 'UTF8')`,
          [],
          {
            blob,
          },
        );
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
