import { Client } from 'pg';
import { cpuMsWithEnded, isLocalPostgres, parentOf } from './processes.js';

/** What one request costs PostgreSQL in statements. */
export interface StatementCounts {
  /** That read data. */
  readonly reads: number;
  /** That open, set up and close transactions. */
  readonly scope: number;
}

/**
 * Looks at PostgreSQL from the outside: its processes' CPU time and the statements that it ran, of
 * this database only.
 */
export class ServerWatch {
  readonly #client: Client;
  #countsStatements = false;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async open(adminUrl: string): Promise<ServerWatch> {
    const watch = new ServerWatch(new Client({ connectionString: adminUrl }));
    await watch.#client.connect();
    watch.#countsStatements = await watch.#client
      .query('create extension if not exists pg_stat_statements')
      .then(() => watch.#client.query('select from pg_stat_statements limit 1'))
      .then(
        () => true,
        () => false,
      );
    return watch;
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  async version(): Promise<string> {
    const { rows } = await this.#client.query<{ version: string }>(
      "select current_setting('server_version') || ', pgvector ' || (select extversion " +
        "from pg_extension where extname = 'vector') as version",
    );
    return rows[0]!.version;
  }

  /**
   * Milliseconds of CPU that PostgreSQL has used, with all that it has started: backends, parallel
   * workers that have ended, the writers in the background. Undefined when the server runs
   * elsewhere. Nothing else should use the server.
   */
  async cpu(): Promise<number | undefined> {
    const { rows } = await this.#client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { pid } = rows[0]!;
    const postmaster = isLocalPostgres(pid) ? parentOf(pid) : undefined;
    return postmaster === undefined ? undefined : cpuMsWithEnded(postmaster);
  }

  /**
   * Statements for each of the requests that `work` makes and counts; undefined without
   * pg_stat_statements.
   */
  async statementsDuring(work: () => Promise<number>): Promise<StatementCounts | undefined> {
    if (!this.#countsStatements) return undefined;
    await this.#client.query(
      'select pg_stat_statements_reset(0, (select oid from pg_database ' +
        'where datname = current_database()), 0)',
    );
    const requests = await work();
    const { rows } = await this.#client.query<{ query: string; calls: number }>(
      'select query, calls::int from pg_stat_statements where dbid = (select oid ' +
        'from pg_database where datname = current_database()) ' +
        "and query not like '%pg_stat_statements%'",
    );
    const each = (scope: boolean): number =>
      rows.reduce((sum, row) => sum + (isScope(row.query) === scope ? row.calls : 0), 0) / requests;
    return { reads: each(false), scope: each(true) };
  }
}

function isScope(query: string): boolean {
  return /^\s*(begin|start|commit|rollback|set |discard|select set_config)/i.test(query);
}

export function between(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}
