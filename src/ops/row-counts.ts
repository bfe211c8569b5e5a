import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@mikro-orm/core';
import { escapeLiteral } from 'pg';
import { exceededTime } from '../db/database-errors.js';
import type { RunSql } from '../ops/migrations/catalogue.js';
import { OPERATOR_ROLE } from '../db/roles.js';

/** Rows of one table, as far as they were counted. */
export interface RowCount {
  readonly counted: number;
  /** Whether these are all. */
  readonly isAll: boolean;
}

/** Runs `work` in a transaction of which nothing is kept. */
export type Passing = <T>(work: (run: RunSql) => Promise<T>) => Promise<T>;

const NO_ROWS: RowCount = { counted: 0, isAll: true };
const NOT_COUNTED: RowCount = { counted: 0, isAll: false };
/** How long even reading waits for whoever has locked a table, as another migration does. */
const READ_LOCK_MS = 2_000;
/** Where counting keeps others from the table, for milliseconds. */
const COUNTED_UNDER_LOCK = 10_000;
/** Rows that were deleted and not yet vacuumed are read, too, and a cold disk is slow. */
const UNDER_LOCK_MS = 200;
const LOCK_TRIES = 20;
const BETWEEN_TRIES_MS = 50;

interface Readable {
  /** Policies hide rows from this login. */
  readonly hidden: boolean;
  readonly mine: boolean;
  readonly operator: boolean;
  readonly empty: boolean;
}

/**
 * Rows of the tables that exist, each up to `most`. As the operator where policies hold the login.
 * An owner who may not be the operator lifts the force of the policies, for one table and some
 * milliseconds each: its lock (ACCESS EXCLUSIVE) is tried and never waited for, so that nobody
 * waits behind it, and is held for 200 ms at most. Of a table that others use all the time, or that
 * is slower to read, nothing is known then, nor of one that others keep locked.
 */
export async function countRows(
  passing: Passing,
  tables: readonly string[],
  most: number,
): Promise<Map<string, RowCount>> {
  const patient: Passing = work =>
    passing(async run => {
      await run(`set local lock_timeout = ${READ_LOCK_MS}`);
      return work(run);
    });
  const counts = new Map<string, RowCount>();
  for (const table of new Set(tables)) {
    const counted = await countTable(patient, table, most).catch(error => {
      if (exceededTime(error) !== 'lock') throw error;
      return NOT_COUNTED;
    });
    if (counted) counts.set(table, counted);
  }
  return counts;
}

/** Undefined where there is no such table. */
async function countTable(
  passing: Passing,
  table: string,
  most: number,
): Promise<RowCount | undefined> {
  const readable = await passing(run => lookAt(run, table));
  if (!readable) return undefined;
  const { hidden, mine, operator, empty } = readable;
  if (empty) return NO_ROWS;
  if (!hidden) return passing(run => count(run, table, most));
  if (operator) return passing(run => countAs(run, table, most));
  return mine ? countLifted(passing, table, Math.min(most, COUNTED_UNDER_LOCK)) : NOT_COUNTED;
}

/** The transactions of a connection of MikroORM's. */
export function passingOn(connection: Connection): Passing {
  return async work => {
    let done: { result: Awaited<ReturnType<typeof work>> } | undefined;
    const rolledBack = new Error('Nothing is kept of a count.');
    await connection
      .transactional(async transaction => {
        done = { result: await work(sql => connection.execute(sql, [], 'all', transaction)) };
        throw rolledBack;
      })
      .catch(error => {
        if (error !== rolledBack) throw error;
      });
    return done!.result;
  };
}

async function lookAt(run: RunSql, table: string): Promise<Readable | undefined> {
  // From PostgreSQL 16 on, a member may be kept from taking the role.
  const [found] = await run<Readable>(`
    select c.relrowsecurity and not (me.rolsuper or me.rolbypassrls)
      and (c.relforcerowsecurity or not pg_has_role(c.relowner, 'usage')) as hidden,
           pg_has_role(c.relowner, 'usage') as mine,
           coalesce(pg_has_role(current_user, o.oid, case
             when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
             and has_table_privilege(o.oid, c.oid, 'select')
               and exists (select from pg_policy p where p.polrelid = c.oid
                 and o.oid = any (p.polroles)), false) as operator,
           c.relkind = 'r' and pg_relation_size(c.oid) = 0 as empty
      from pg_class c join pg_roles me on me.rolname = current_user left
        join pg_roles o on o.rolname = '${OPERATOR_ROLE}'
     where c.oid = to_regclass(${escapeLiteral(table)}) and c.relkind in ('r', 'p')`);
  return found;
}

async function count(run: RunSql, table: string, most: number): Promise<RowCount> {
  const [row] = await run<{ count: string }>(
    `select count(*)::text as count from (select from ${table} limit ${most + 1}) as counted`,
  );
  const counted = Number(row!.count);
  return counted > most ? { counted: most, isAll: false } : { counted, isAll: true };
}

async function countAs(run: RunSql, table: string, most: number): Promise<RowCount> {
  await run(`set local role ${OPERATOR_ROLE}`);
  return count(run, table, most);
}

async function countLifted(passing: Passing, table: string, most: number): Promise<RowCount> {
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    try {
      return await passing(async run => {
        await run(`set local statement_timeout = ${UNDER_LOCK_MS}`);
        await run(`lock table ${table} in access exclusive mode nowait`);
        await run(`alter table ${table} no force row level security`);
        return count(run, table, most);
      });
    } catch (error) {
      const exceeded = exceededTime(error);
      if (exceeded === undefined) throw error;
      if (exceeded === 'statement') break;
      await sleep(BETWEEN_TRIES_MS);
    }
  }
  return NOT_COUNTED;
}

/** `more than 10000 rows`. */
export function rowCountText({ counted, isAll }: RowCount): string {
  if (!isAll)
    return counted === 0
      ? 'rows that cannot be counted while others use it'
      : `more than ${counted} rows`;
  return `${counted} row${counted === 1 ? '' : 's'}`;
}
