import type { Connection, PoolClient, Submittable } from 'pg';
import { parameterText } from './parameter-text.js';
import type { Row, Statement } from './statement.js';

/** What node-postgres sends and hears on a connection, as far as it is needed here; its types leave most of it out. */
interface Wire extends Omit<Connection, 'execute'> {
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  execute(message: { portal: string; rows: number }): void;
}

interface FieldDescription {
  readonly name: string;
  readonly dataTypeID: number;
}

/** How the rows of a statement become objects. */
interface RowShape {
  readonly empty: Row;
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => unknown)[];
}

/** What each connection knows of the statements that were prepared on it. PostgreSQL refuses to run one whose columns have changed since. */
const shapes = new WeakMap<object, Map<string, RowShape>>();

/**
 * A statement of the read path, in the place of node-postgres' own `Query` (whose interface for such is `Submittable`). What is different:
 * the columns of a prepared statement are described once on a connection and not in every answer, and nothing is made of an answer but
 * its rows. A third of the time of a small read (`docs/performance.md`).
 */
export class ReadQuery implements Submittable {
  readonly rows: Promise<Row[]>;
  /** By these node-postgres notes what is prepared on the connection. */
  readonly name: string | undefined;
  readonly text: string;
  readonly #values: readonly unknown[];
  readonly #client: PoolClient;
  readonly #result: Row[] = [];
  #shape: RowShape | undefined;
  #failure: unknown;
  #resolve!: (rows: Row[]) => void;
  #reject!: (error: unknown) => void;

  constructor(client: PoolClient, statement: Statement, values: readonly unknown[], named: boolean) {
    this.#client = client;
    this.name = named ? statement.preparedName : undefined;
    this.text = statement.text;
    this.#values = values;
    this.rows = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire;
    const values = this.#values.map(parameterText);
    const prepared = this.name !== undefined && (wire.parsedStatements[this.name] ?? wire.submittedNamedStatements[this.name]) !== undefined;
    if (!prepared) {
      wire.parse({ name: this.name ?? '', text: this.text, types: [] }, true);
      if (this.name !== undefined) wire.submittedNamedStatements[this.name] = this.text;
    }
    wire.bind({ portal: '', statement: this.name ?? '', values } as never, true);
    this.#shape = prepared ? shapesOf(wire).get(this.name!) : undefined;
    if (!this.#shape) wire.describe({ type: 'P', name: '' }, true);
    wire.execute({ portal: '', rows: 0 });
    wire.sync();
  }

  handleRowDescription({ fields }: { fields: readonly FieldDescription[] }): void {
    this.#shape = {
      empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
      names: fields.map(({ name }) => name),
      parsers: fields.map(({ dataTypeID }) => this.#client.getTypeParser(dataTypeID, 'text')),
    };
    if (this.name !== undefined) shapesOf((this.#client as unknown as { connection: Wire }).connection).set(this.name, this.#shape);
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const { empty, names, parsers } = this.#shape!;
    const row = { ...empty };
    try {
      for (let index = 0; index < fields.length; index += 1) {
        const text = fields[index];
        if (text !== null && text !== undefined) row[names[index]!] = parsers[index]!(text);
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#result.push(row);
  }

  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve(this.#result);
    else this.#reject(this.#failure);
  }

  handleError(error: Error): void {
    // Its own stack leads to a socket; this one leads at least here.
    Error.captureStackTrace(error);
    this.#reject(error);
  }
}

function shapesOf(connection: object): Map<string, RowShape> {
  let known = shapes.get(connection);
  if (!known) shapes.set(connection, (known = new Map()));
  return known;
}
