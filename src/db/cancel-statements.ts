import { Client, type Pool, type PoolClient } from 'pg';

/** A server that is hard to reach is not waited for. */
const TIMEOUT_MS = 1_000;

/** What the driver knows of a session's number and secret, and how it begins one. */
interface Session {
  readonly processID: number;
  readonly secretKey: number;
  readonly connection: {
    startup(parameters: unknown): void;
    cancel(processID: number, secretKey: number): void;
  };
}

/**
 * Asks the server to stop what the session of `client` runs, and is done when the server has been
 * told, or cannot be. The statement that is stopped may be a later one, if that has begun by then:
 * so nobody else may get the session. Poolers pass the message on.
 *
 * The protocol wants a connection of its own for it, on which the message takes the place of the
 * one that begins a session
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS).
 * The driver's own way does so only without encryption. This reaches into the driver, whose own
 * names these are: a test holds it against the version that is installed.
 */
export async function cancelStatements(pool: Pool, client: PoolClient): Promise<void> {
  const { processID, secretKey } = client as PoolClient & Session;
  const canceller = new Client({ ...pool.options, connectionTimeoutMillis: TIMEOUT_MS });
  const { connection } = canceller as Client & Session;
  connection.startup = () => connection.cancel(processID, secretKey);
  canceller.on('error', () => {});
  // The server answers by hanging up.
  await canceller.connect().catch(() => {});
}
