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

/** A statement of a packet. Where the connection knows it, it is only bound and executed. */
abstract class PacketStatement<Result> {
  readonly #outcome = Promise.withResolvers<Result>();

  constructor(
    readonly prepared: PreparedStatement,
    private readonly values: readonly (string | Buffer | null)[],
    private readonly isDescribed: boolean,
  ) {
    // Whoever waits hears of it; not everybody waits.
    this.#outcome.promise.catch(() => {});
  }

  get outcome(): Promise<Result> {
    return this.#outcome.promise;
  }

  send(connection: Internals): void {
    const { name = '', text } = this.prepared;
    const isKnown =
      name !== '' &&
      (connection.parsedStatements[name] ?? connection.submittedNamedStatements[name]);
    if (!isKnown) {
      connection.parse({ name, text });
      if (this.isDescribed) connection.describe({ type: 'S', name });
      if (name !== '') connection.submittedNamedStatements[name] = text;
    }
    connection.bind({ statement: name, values: this.values });
    connection.execute({});
  }

  complete(): void {
    this.#outcome.resolve(this.result());
  }

  fail(error: unknown): void {
    this.#outcome.reject(error);
  }

  describe(_columns: readonly ResultColumn[]): void {}
  receive(_row: DataRow): void {}
  protected abstract result(): Result;
}

/** A statement of which nothing is kept but whether it worked. */
export class Command extends PacketStatement<void> {
  constructor(prepared: PreparedStatement, values: readonly string[] = []) {
    super(prepared, values, false);
  }

  protected result(): void {}
}

/**
 * A statement that gives rows. Each connection asks for their description anew: on a statement that
 * it knows, the server refuses what has come to have other columns.
 */
export class RowQuery extends PacketStatement<ReceivedRows> {
  #reader: RowReader | undefined;
  readonly #rows: RowTexts[] = [];

  /** `onReceived` is told of each row's bytes, and says whether the row is still wanted. */
  constructor(
    prepared: PreparedStatement,
    values: readonly (string | Buffer | null)[],
    private readonly readerOf: (columns: readonly ResultColumn[]) => RowReader,
    private readonly onReceived?: (bytes: number) => boolean,
  ) {
    super(prepared, values, true);
  }

  override describe(columns: readonly ResultColumn[]): void {
    this.prepared.reader = this.readerOf(columns);
  }

  override receive({ length, fields }: DataRow): void {
    this.#reader ??= this.prepared.reader!;
    if (this.onReceived?.(length + this.#reader.bytesWhenRead(fields)) === false) return;
    this.#rows.push(fields);
  }

  protected result(): ReceivedRows {
    return new ReceivedTexts(this.#reader, this.#rows);
  }
}

/**
 * Statements that the server answers together: they are sent as they are added, and what ends them
 * all (`Sync`) when the packet is closed. The server sends an answer for each packet, not for each
 * statement, and where one fails, those behind it fail with it.
 *
 * The driver takes it for one query: it asks for the name and the text of the statement whose
 * answers come, to note what the server knows, and tells it of an error at most once.
 */
export class Packet implements Submittable {
  readonly #statements: (Command | RowQuery)[] = [];
  #answered = 0;
  #connection: Internals | undefined;

  get name(): string | undefined {
    return this.#current?.prepared.name;
  }

  get text(): string | undefined {
    return this.#current?.prepared.text;
  }

  get #current(): Command | RowQuery | undefined {
    return this.#statements[this.#answered];
  }

  submit(connection: DriverConnection): void {
    this.#connection = connection as unknown as Internals;
  }

  /** Nothing else may be sent on the connection until the packet is closed. */
  add(statement: Command | RowQuery): void {
    this.#statements.push(statement);
    if (this.#connection) statement.send(this.#connection);
  }

  close(): void {
    this.#connection?.sync();
  }

  handleRowDescription({ fields }: { readonly fields: readonly ResultColumn[] }): void {
    this.#current!.describe(fields);
  }

  handleDataRow(row: DataRow): void {
    this.#current!.receive(row);
  }

  handleCommandComplete(): void {
    this.#current!.complete();
    this.#answered += 1;
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete();
  }

  handleError(error: unknown): void {
    for (const statement of this.#statements.slice(this.#answered)) {
      const { name } = statement.prepared;
      // What the server has skipped, it does not know.
      if (name !== undefined) delete this.#connection?.submittedNamedStatements[name];
      statement.fail(error);
    }
  }

  handleReadyForQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}

  /** What was sent behind the statement, the server took for a part of the copy. */
  handleCopyInResponse(connection: Internals): void {
    connection.sendCopyFail('Nothing is copied here');
    connection.sync();
  }
}
