import type { Client } from 'pg';
import { enterScopeSql, type DatabaseScope } from '../../src/db/database-scope.js';
import { parameterText } from '../../src/db/parameter-text.js';
import { isTooLong } from '../../src/db/prepared-statements.js';
import type { SentStatement } from './sent-statements.js';

/**
 * After five plans for the parameters at hand PostgreSQL may take one for all parameters:
 * https://www.postgresql.org/docs/current/sql-prepare.html
 */
const PLANS_BEFORE_SETTLED = 6;

export type PlanFormat = 'text' | 'measured';

/** A plan as text, and what was measured: how many pages the statement touched. */
export interface ExplainedStatement {
  readonly text: string;
  readonly buffers: number;
}

interface MeasuredPlan {
  readonly Plan: Readonly<Record<'Shared Hit Blocks' | 'Shared Read Blocks', number>>;
}

/**
 * Explains the statements of one operation in one read-only transaction that begins under `scope`,
 * each by the plan that PostgreSQL comes to after a while on a connection of the gateway. Each is
 * run once, in order: some are settings for those behind them.
 */
export async function explainStatements(
  client: Client,
  scope: DatabaseScope,
  statements: readonly SentStatement[],
  format: PlanFormat,
): Promise<ExplainedStatement[]> {
  const explained: ExplainedStatement[] = [];
  await client.query(`begin isolation level repeatable read read only; ${enterScopeSql(scope)}`);
  try {
    for (const { statement, parameters } of statements) {
      const values = parameters.map(value => literalOf(client, value)).join(', ');
      const execute = `execute explained${values && `(${values})`}`;
      const isPrepared = statement.isFixed || !isTooLong(statement.text);
      await client.query(
        `set local plan_cache_mode = ${isPrepared ? 'auto' : 'force_custom_plan'}; ` +
          `prepare explained as ${statement.text}`,
      );
      for (let time = 0; time < PLANS_BEFORE_SETTLED; time += 1)
        await client.query(`explain ${execute}`);
      explained.push(
        format === 'text' ? await planText(client, execute) : await measured(client, execute),
      );
      await client.query('deallocate explained');
    }
  } finally {
    await client.query('rollback; deallocate all');
  }
  return explained;
}

async function planText(client: Client, execute: string): Promise<ExplainedStatement> {
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${execute}`);
  await client.query(execute);
  return { text: rows.map(row => row['QUERY PLAN']).join('\n'), buffers: 0 };
}

async function measured(client: Client, execute: string): Promise<ExplainedStatement> {
  const { rows } = await client.query<{ 'QUERY PLAN': readonly [MeasuredPlan] }>(
    `explain (analyze, buffers, costs off, timing off, format json) ${execute}`,
  );
  const [{ Plan: plan }] = rows[0]!['QUERY PLAN'];
  return {
    text: JSON.stringify(plan),
    buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
  };
}

/** A parameter as `execute` takes it. Vectors say by `toString` what they are as text. */
function literalOf(client: Client, value: unknown): string {
  const text =
    value !== null && typeof value === 'object' && 'toPostgres' in value
      ? String(value)
      : parameterText(value);
  return text === null ? 'null' : client.escapeLiteral(String(text));
}
