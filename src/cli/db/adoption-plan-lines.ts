import type { AdoptionPlan, LegacyDatabase } from '../../ops/adoption/plan.js';
import { pluralize, formatMegabytes } from './format-counts.js';

/** Rows that are named one by one. */
const MAX_LISTED = 20;
/** Rows a second, low: measured at 2,000 to 4,000 chunks a second on two cores. */
const CHUNKS_PER_SECOND = 2_000;

/** The plan as its operator reads it. */
export function planLines(
  plan: AdoptionPlan,
  { otherLogins }: LegacyDatabase,
  { legacyRole, setAside }: { legacyRole?: string | undefined; setAside: boolean },
): string[] {
  const seconds =
    5 + Math.ceil(plan.tables.find(({ to }) => to === 'doc_chunks')!.rows / CHUNKS_PER_SECOND);
  const bytes = plan.tables.reduce((sum, table) => sum + table.bytes, 0);
  return [
    `Adopting revision ${plan.revision}.`,
    ...plan.tables.map(
      ({ from, to, rows, bytes: size }) =>
        `  ${(from === to ? from : `${from} → ${to}`).padEnd(22)}${pluralize(rows, 'row')}, ` +
        formatMegabytes(size),
    ),
    `The older tables keep all of it as weaver_legacy_* (${formatMegabytes(bytes)}) until ` +
      '"adopt --finish".',
    'The tables are locked while it runs, for an estimated ' +
      `${seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`} at most. ` +
      'It needs about as much free disk space as they use now.',
    ...section(
      'Values that change (each original stays with its old row; weaver_legacy_changes ' +
        'lists them):',
      plan.changes.map(
        ({ table, column, why, rows }) => `${table}.${column}: ${why} (${pluralize(rows, 'row')})`,
      ),
    ),
    ...section('Also:', [
      ...(plan.newBots > 0
        ? [
            `${pluralize(plan.newBots, 'tenant')} without a bot ` +
              `${plan.newBots === 1 ? 'gets' : 'get'} one`,
          ]
        : []),
      ...plan.newIds.map(
        ({ table, rows }) =>
          `${pluralize(rows, 'row')} of ${table} ` +
          `${rows === 1 ? 'gets a new id, as its own is' : 'get new ids, as theirs are'} ` +
          "another row's too (weaver_legacy_new_ids lists them)",
      ),
      ...plan.sharedIds
        .slice(0, MAX_LISTED)
        .map(
          id =>
            `the tenant and the user ${id} share an id, and both keep it: node(id) finds ` +
            'the tenant',
        ),
      'API keys may do what the older Weaver let them: read, write, search and ask',
      ...loginLines(otherLogins, legacyRole),
    ]),
    ...section(
      setAside
        ? 'Vectors that half precision cannot hold (set aside: their rows are adopted without one):'
        : 'Vectors that half precision cannot hold (adoption stops here, unless you add ' +
            '--set-aside):',
      problemLines(plan.unfitVectors),
    ),
    ...section(
      'Rows that cannot be adopted as they are (adoption stops here):',
      problemLines(plan.rejectedRows),
    ),
  ];
}

function loginLines(logins: readonly string[], legacyRole: string | undefined): string[] {
  const unhandled = logins.filter(login => login !== legacyRole);
  const lines =
    legacyRole === undefined
      ? []
      : [`the login ${legacyRole} may go on reading and writing every tenant's rows`];
  if (legacyRole === undefined && unhandled.length > 0)
    lines.push(
      "no other login than a superuser's sees a row afterwards: name the older " +
        `application's with --legacy-role (there is ${unhandled.join(', ')})`,
    );
  return lines;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map(line => `  ${line}`)];
}

function problemLines(
  rows: readonly { table: string; id: string; why: string; column?: string }[],
): string[] {
  const lines = rows
    .slice(0, MAX_LISTED)
    .map(
      ({ table, id, why, column }) =>
        `${table}${column === undefined ? '' : `.${column}`} ${id}: ${why}`,
    );
  return rows.length > MAX_LISTED ? [...lines, `and ${rows.length - MAX_LISTED} more`] : lines;
}
