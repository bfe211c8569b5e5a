import { StartupError } from '../../base/startup-error.js';
import { formatTableName, tableKey, type Counts } from '../../ops/backup/counts.js';
import type { ExtraObjects } from '../../ops/backup/restore-script.js';
import { rowCountText, type RowCount } from '../../ops/row-counts.js';
import type { CommandIo } from '../command-io.js';

type RowCounts = ReadonlyMap<string, RowCount>;

/** Counts that leave out no row. */
export function completeCounts(counts: Counts): RowCounts {
  return new Map([...counts].map(([table, counted]) => [table, { counted, isAll: true }]));
}

/** Names what is there and what the backup does not have, and refuses it without --yes. */
export function refuseReplacedRows(
  io: CommandIo,
  replacedCounts: RowCounts,
  yes: boolean,
  extraObjects?: ExtraObjects,
  existing?: RowCounts,
): void {
  const nonEmpty = [...replacedCounts].filter(([, { counted, isAll }]) => counted > 0 || !isAll);
  for (const [table, rows] of nonEmpty)
    io.say(`  replaces the table ${formatTableName(table)} (${rowCountText(rows)})`);
  const { relations = [], functions = [], types = [] } = extraObjects ?? {};
  for (const name of relations) {
    const rows = existing?.get(tableKey('public', name));
    io.say(
      `  removes ${name}, which the backup does not ` +
        `have${rows === undefined ? '' : ` (${rowCountText(rows)})`}`,
    );
  }
  for (const name of functions)
    io.say(`  removes the function ${name}, which the backup does not have`);
  for (const name of types) io.say(`  removes the type ${name}, which the backup does not have`);
  const needsConfirmation =
    nonEmpty.length + relations.length + functions.length + types.length > 0;
  if (needsConfirmation && !yes)
    throw new StartupError(
      (
        'Nothing was changed. Add --yes to replace these rows and remove what the backup ' +
        'does not have.'
      ).replace(
        relations.length + functions.length + types.length > 0
          ? ''
          : ' and remove what the backup does not have',
        '',
      ),
    );
}
