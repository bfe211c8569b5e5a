import { Client } from 'pg';
import { StartupError } from '../../base/startup-error.js';
import { serverName, type DatabaseAddress } from '../../config/database-address.js';
import { connectionOptions } from '../../db/open/connection-options.js';
import { reason } from '../connection-errors.js';
import { isDatabaseUnreachable } from '../../db/database-errors.js';
import { useSchema } from '../../db/weavers-schema.js';

/** A connection of its own, whose transactions and locks end with it. */
export interface Session {
  readonly client: Client;
  run<R>(sql: string): Promise<R[]>;
}

/**
 * Opens a session for `work`. When `signal` aborts, the statement under way is cancelled, and
 * `work` fails with the signal's reason.
 */
export async function inSession<T>(
  address: DatabaseAddress,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const client = await connect(address);
  const { rows } = await client.query<{ pid: number }>(
    "select pg_backend_pid() as pid, set_config('idle_session_timeout', '0', false), " +
      "set_config('idle_in_transaction_session_timeout', '0', false), " +
      "set_config('statement_timeout', '0', false)",
  );
  await useSchema(client).catch(async error => {
    await client.end();
    throw error;
  });
  const stop = (): void =>
    void cancel(address, rows[0]!.pid).catch(() => client.connection?.stream.destroy());
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work({
      client,
      run: async sql => (signal.throwIfAborted(), (await client.query(sql)).rows as never),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw lostConnection(error, address) ?? error;
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end().catch(() => {});
  }
}

async function connect(
  address: DatabaseAddress,
): Promise<Client & { connection?: { stream: { destroy(): void } } }> {
  const { dbName, driverOptions, ...where } = await connectionOptions(address);
  const { Client: ChosenClient = Client, onConnect, ...options } = driverOptions;
  const client = new ChosenClient({ ...where, database: dbName, ...options });
  // Whoever waits for a statement is told of a lost connection by that statement.
  client.on('error', () => {});
  await client.connect();
  await onConnect?.(client);
  return client;
}

async function cancel(address: DatabaseAddress, pid: number): Promise<void> {
  const client = await connect(address);
  await client.query('select pg_cancel_backend($1)', [pid]).finally(() => client.end());
}

function lostConnection(error: unknown, address: DatabaseAddress): StartupError | undefined {
  if (error instanceof StartupError || !isDatabaseUnreachable(error)) return undefined;
  return new StartupError(`The connection to ${serverName(address)} was lost: ${reason(error)}.`, {
    cause: error,
  });
}
