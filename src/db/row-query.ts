import type { Socket } from 'node:net';
import type { Connection as DriverConnection, PoolClient, Submittable } from 'pg';
import type { PreparedStatement } from './prepared-statements.js';
import { ReceivedTexts, type ReceivedRows } from './read-connection.js';
import type { ResultColumn, RowReader, RowTexts } from './row-reader.js';

/** The driver's own names: a test holds them against the version that is installed. */
interface Internals {
  readonly stream: Socket;
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
  query(text: string): void;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly (string | Buffer | null)[] }): void;
  describe(message: { type: 'S'; name: string }): void;
  execute(message: object): void;
  sync(): void;
  sendCopyFail(reason: string): void;
}

/** A row as it came: its length in bytes, and the text of each value. */
interface DataRow {
  readonly length: number;
  readonly fields: RowTexts;
}

export function streamOf(client: PoolClient): Socket {
  return (client as PoolClient & { readonly connection: Internals }).connection.stream;
}

/**
 * What the driver asks of whatever is sent, and how it says what came: as to its own `Query`,
 * without what that keeps of each statement. It is told of an error at most once.
 */
abstract class Sent<Result> implements Submittable {
  readonly #outcome = Promise.withResolvers<Result>();
  /** Noted by the driver as known to the server, once it is. */
  abstract readonly name: string | undefined;
  abstract readonly text: string;

  constructor() {
    // Whoever waits hears of it; not everybody waits.
    this.#outcome.promise.catch(() => {});
  }

  get outcome(): Promise<Result> {
    return this.#outcome.promise;
  }

  abstract submit(connection: DriverConnection): void;
  protected abstract result(): Result;

  handleReadyForQuery(): void {
    this.#outcome.resolve(this.result());
  }

  handleError(error: unknown): void {
    this.#outcome.reject(error);
  }

  handleCopyInResponse(connection: Internals): void {
    connection.sendCopyFail('Nothing is copied here');
  }

  handleRowDescription(_message: { readonly fields: readonly ResultColumn[] }): void {}
  handleDataRow(_message: DataRow): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}

/** Statements in one message, of which nothing is kept but whether they worked. */
export class Commands extends Sent<void> {
  readonly name = undefined;

  constructor(readonly text: string) {
    super();
  }

  submit(connection: DriverConnection): void {
    connection.query(this.text);
  }

  protected result(): void {}
}

/**
 * A statement with parameters. Where the connection knows it, it is bound and executed; else it is
 * parsed and described before. Each connection asks for the description anew: on a statement that
 * it knows, the server refuses what has come to have other columns.
 */
export class RowQuery extends Sent<ReceivedRows> {
  #reader: RowReader | undefined;
  readonly #rows: RowTexts[] = [];

  /** `onReceived` is told of each row's bytes, and says whether the row is still wanted. */
  constructor(
    private readonly prepared: PreparedStatement,
    private readonly values: readonly (string | Buffer | null)[],
    private readonly readerOf: (columns: readonly ResultColumn[]) => RowReader,
    private readonly onReceived?: (bytes: number) => boolean,
  ) {
    super();
  }

  get name(): string | undefined {
    return this.prepared.name;
  }

  get text(): string {
    return this.prepared.text;
  }

  submit(driverConnection: DriverConnection): void {
    const connection = driverConnection as unknown as Internals;
    const { name = '', text } = this.prepared;
    const isKnown =
      name !== '' &&
      (connection.parsedStatements[name] ?? connection.submittedNamedStatements[name]);
    if (!isKnown) {
      connection.parse({ name, text });
      connection.describe({ type: 'S', name });
      if (name !== '') connection.submittedNamedStatements[name] = text;
    }
    connection.bind({ statement: name, values: this.values });
    connection.execute({});
    connection.sync();
  }

  override handleRowDescription({ fields }: { readonly fields: readonly ResultColumn[] }): void {
    this.prepared.reader = this.readerOf(fields);
  }

  override handleDataRow({ length, fields }: DataRow): void {
    this.#reader ??= this.prepared.reader!;
    if (this.onReceived?.(length + this.#reader.bytesWhenRead(fields)) === false) return;
    this.#rows.push(fields);
  }

  /** What was sent behind the statement, the server took for a part of the copy. */
  override handleCopyInResponse(connection: Internals): void {
    super.handleCopyInResponse(connection);
    connection.sync();
  }

  protected result(): ReceivedRows {
    return new ReceivedTexts(this.#reader, this.#rows);
  }
}
