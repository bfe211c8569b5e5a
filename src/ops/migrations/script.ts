import { escapeLiteral } from 'pg';
import { StartupError, UsageError } from '../../base/startup-error.js';
import { emittedSql, migrationFiles, type EmittedSql } from './emitted-sql.js';
import { MIGRATION_LOCK } from './lock.js';
import { CREATE_LOG, HASH_COLUMN, LOG_TABLE } from './log.js';
import { oneName } from './names.js';
import { readSql } from './read-sql.js';
import { USE_SCHEMA_IN_SCRIPT } from '../../db/weavers-schema.js';
import { isHead } from './targets.js';

const LOCK_SECONDS = 60;

/**
 * Tried again and again, each time in a transaction of its own: a session that waits for it would
 * hold up concurrent builds of indexes.
 */
const TAKE_LOCK =
  `do $weaver$ declare began constant timestamptz := clock_timestamp(); begin
  while not pg_try_advisory_lock(${MIGRATION_LOCK}) loop
    if clock_timestamp() > began + interval '${LOCK_SECONDS} seconds' then
      raise exception 'Another process was still migrating this database ` +
  `after ${LOCK_SECONDS} seconds.';
    end if;
    commit;
    perform pg_sleep(0.25);
    commit;
  end loop;
end $weaver$`;

type Method = 'up' | 'down';

/**
 * From where to where, exclusive of the older end: `base`, `head`, or a name or the beginning of
 * one.
 */
export interface ScriptRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/**
 * A script for `psql` that does what a run would: the same statements and the same rows in the log,
 * in one transaction where all of it may be in one. It stops, and changes nothing, where the
 * database is not at the beginning of the range.
 */
export async function offlineScript(method: Method, range: ScriptRange): Promise<string> {
  const files = migrationFiles();
  const known = [...files.keys()];
  const { names, from, to } = migrationsInRange(method, known, range);
  const steps: { name: string; emitted: EmittedSql }[] = [];
  for (const name of names) steps.push({ name, emitted: await emittedSql(files.get(name)!) });
  const asking = steps.filter(({ emitted }) => emitted.readsDatabase).map(({ name }) => name);
  if (asking.length > 0)
    throw new StartupError(
      `No script can be made of ${asking.join(', ')}: what it runs depends on the rows ` +
        `that it finds. Use "npx weaver db ${method}".`,
    );
  const irreversible = steps
    .filter(({ emitted }) => method === 'down' && !emitted.down)
    .map(({ name }) => name);
  if (irreversible.length > 0)
    throw new StartupError(`${irreversible.join(', ')} cannot be reverted: there is no "down".`);

  const written = await Promise.all(
    steps.map(async ({ emitted }) =>
      Promise.all((method === 'up' ? emitted.up : emitted.down!).map(asOwner)),
    ),
  );
  const touchesRows = written.flat().some(sql => sql.startsWith('call '));
  const lines = [
    `-- Weaver: ${method} from ${from} to ${to}, ${names.length} ` +
      `migration${names.length === 1 ? '' : 's'}. For psql, as the owner of the tables.`,
    '\\set ON_ERROR_STOP on',
    'set client_min_messages = warning;',
    'set idle_session_timeout = 0;',
    terminated(USE_SCHEMA_IN_SCRIPT),
    terminated(TAKE_LOCK),
    ...(touchesRows ? [terminated(SEES_ALL_ROWS)] : []),
    'begin;',
    ...CREATE_LOG.map(terminated),
    terminated(checkLogSql(method, known, names)),
  ];
  let inTransaction = true;
  for (const [index, { name, emitted }] of steps.entries()) {
    lines.push('', `-- ${name}`);
    if (inTransaction !== emitted.transactional) lines.push(inTransaction ? 'commit;' : 'begin;');
    inTransaction = emitted.transactional;
    lines.push(...written[index]!.map(terminated), terminated(logStatement(method, name, emitted)));
  }
  if (inTransaction) lines.push('commit;');
  lines.push(
    terminated(`do $weaver$ begin perform pg_advisory_unlock(${MIGRATION_LOCK}); end $weaver$`),
  );
  return lines.join('\n');
}

function migrationsInRange(
  method: Method,
  known: string[],
  { from, to }: ScriptRange,
): { names: string[]; from: string; to: string } {
  const positionOf = (given: string): number => {
    if (given === 'base' || given === '0') return 0;
    if (isHead(given)) return known.length;
    const found = oneName(known, given, 'There is no migration');
    if ('problem' in found) throw new StartupError(found.problem);
    return known.indexOf(found.name) + 1;
  };
  const start = positionOf(from ?? (method === 'up' ? 'base' : 'head'));
  const end =
    to === undefined ? (method === 'up' ? known.length : Math.max(start - 1, 0)) : positionOf(to);
  if (method === 'up' ? end < start : end > start)
    throw new UsageError(
      `${from ?? 'head'} to ${to} goes the other way: use ` +
        `"${method === 'up' ? 'down' : 'up'} --sql".`,
    );
  const named = (index: number): string => (index === 0 ? 'base' : known[index - 1]!);
  return {
    names: method === 'up' ? known.slice(start, end) : known.slice(end, start).toReversed(),
    from: named(start),
    to: named(end),
  };
}

/** The log must hold exactly the migrations before the range, of those that this version knows. */
function checkLogSql(method: Method, known: readonly string[], names: readonly string[]): string {
  const oldest = method === 'up' ? names[0] : names.at(-1);
  const before = known.slice(0, oldest === undefined ? known.length : known.indexOf(oldest));
  const wanted = method === 'up' ? before : [...before, ...names];
  const list = (items: readonly string[]): string =>
    items.length === 0 ? `'{}'::text[]` : `array[${items.map(escapeLiteral).join(', ')}]::text[]`;
  return (
    `do $weaver$ begin
  if (select coalesce(array_agg(name::text order by name collate "C"), '{}')
    from "${LOG_TABLE}") is distinct from ${list(wanted.toSorted())} then
    raise exception 'This script is for a database at ${wanted.at(-1) ?? 'base'}, ` +
    `and this one is not there.';
  end if;
end $weaver$`
  );
}

/** The way of `withAllRowsVisible`, for a server alone. */
const SEES_ALL_ROWS = `-- Runs a statement with all rows in sight: the force of row-level security
-- is lifted from tables that it hides from their owner.
create procedure pg_temp.weaver_run(statement text, written text default null) language plpgsql as
  $procedure$
declare
  problem text;
  hidden text[];
  lifted text[] := '{}';
  changed bigint;
  name text;
begin
  perform set_config('row_security', 'off', true);
  loop
    begin
      execute statement;
      get diagnostics changed = row_count;
      exit;
    exception when insufficient_privilege then
      get stacked diagnostics problem = message_text;
      select array_agg(format('%I.%I', n.nspname, c.relname)) into hidden
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relforcerowsecurity and pg_has_role(c.relowner, 'usage')
         and c.relname = any(regexp_split_to_array(problem, '[^[:alnum:]_$-]+'))
         and format('%I.%I', n.nspname, c.relname) <> all(lifted);
      if hidden is null then
        raise;
      end if;
      set constraints all immediate;
      foreach name in array hidden loop
        execute format('alter table %s no force row level security', name);
      end loop;
      lifted := lifted || hidden;
    end;
  end loop;
  if lifted <> '{}' then
    set constraints all immediate;
  end if;
  foreach name in array lifted loop
    execute format('alter table %s force row level security', name);
  end loop;
  perform set_config('row_security', 'on', true);
  if written is not null then
    raise info 'Changed % rows of %.', changed, written;
  end if;
end $procedure$`;

/** A statement that may read or write rows, as a call of the procedure above. */
async function asOwner(sql: string): Promise<string> {
  const { touchesRows, writes } = await readSql(sql);
  if (!touchesRows) return sql;
  const values = writes === undefined ? [sql] : [sql, writes];
  return `call pg_temp.weaver_run(${values.map(escapeLiteral).join(', ')})`;
}

function logStatement(method: Method, name: string, { hash }: EmittedSql): string {
  return method === 'up'
    ? `insert into "${LOG_TABLE}" ("name", "${HASH_COLUMN}") ` +
        `values (${escapeLiteral(name)}, ${hash === undefined ? 'null' : escapeLiteral(hash)})`
    : `delete from "${LOG_TABLE}" where "name" = ${escapeLiteral(name)}`;
}

/** On a line of its own, since a statement may end with a comment. */
function terminated(sql: string): string {
  return `${sql.trim().replace(/;$/, '')}\n;`;
}
