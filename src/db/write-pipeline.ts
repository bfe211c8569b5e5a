import type { Pool, PoolClient, QueryResult } from 'pg';
import { PreparedStatements } from './prepared-statements.js';
import { streamOf } from './row-query.js';

/**
 * What opens a transaction of a write and sets its scope. Nobody needs the answers: what the server
 * thinks of them shows in that of the next statement.
 */
const OPENING = /^(?:begin$|select set_config\(|set local role )/;

/**
 * Prepared, as they give no rows: the columns of a prepared statement's rows may never change, so a
 * migration would break those that do.
 */
const WITHOUT_ROWS = /^(?:insert|update|delete) (?!.*\breturning\b)/is;

/**
 * The statement that stores chunks has as many parameters as there are chunks, up to forty here: of
 * all larger ones together, the server's memory would hold too many.
 */
const MAX_PREPARED_LENGTH = 1_500;

type Query = (
  query: string | { name?: string | undefined; text: string; values: readonly unknown[] },
  values?: readonly unknown[],
) => Promise<QueryResult>;

/**
 * Lets the transactions of writes wait less. MikroORM waits for each of `begin`, the settings and
 * the role before it sends the first statement; here all of them travel together. And statements
 * that change rows are prepared once on each connection, as those of reads are.
 *
 * It stands between kysely, through which MikroORM sends everything as a text with a list of
 * parameters, and the driver, whose connections pipeline. Reads and all others send otherwise, and
 * are not touched. A test holds this against the versions that are installed. Call it before the
 * pool's first connection.
 */
export function pipelineWrites(pool: Pool, { behindPooler }: { behindPooler: boolean }): void {
  const prepared = behindPooler ? undefined : new PreparedStatements();
  pool.on('connect', client => pipelineWritesOf(client, prepared));
}

function pipelineWritesOf(client: PoolClient, prepared: PreparedStatements | undefined): void {
  const send = client.query.bind(client) as Query;
  let opening: Promise<unknown>[] = [];

  const sendStatement = (text: string, values: readonly unknown[]): Promise<QueryResult> => {
    const isWorthIt =
      values.length > 0 && text.length <= MAX_PREPARED_LENGTH && WITHOUT_ROWS.test(text);
    const name = isWorthIt
      ? prepared?.use({ name: 'write', text, isFixed: false }).name
      : undefined;
    return send(name === undefined ? { text, values } : { name, text, values });
  };

  const query = (...asked: unknown[]): Promise<QueryResult> => {
    const [text, values] = asked;
    if (asked.length !== 2 || typeof text !== 'string' || !Array.isArray(values))
      return send(...(asked as Parameters<Query>));
    if (OPENING.test(text)) {
      if (opening.length === 0) streamOf(client).cork();
      const sent = send(text, values);
      // Whoever sends the next statement hears of it.
      sent.catch(() => {});
      opening.push(sent);
      return Promise.resolve(NO_ROWS);
    }
    if (opening.length === 0) return sendStatement(text, values);
    const before = opening;
    opening = [];
    const answer = sendStatement(text, values);
    streamOf(client).uncork();
    if (text === 'rollback') return answer;
    // Answers come in order, so these are there before. If one failed, this one failed because of
    // it, or has committed nothing.
    answer.catch(() => {});
    return Promise.all(before).then(() => answer);
  };
  client.query = query as typeof client.query;
}

const NO_ROWS = Object.freeze({ command: 'SET', rowCount: 0, rows: [], oid: 0, fields: [] });
