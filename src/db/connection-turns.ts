import { AppError } from '../base/app-error.js';
import { Holdings, TurnQueue } from '../base/turn-queue.js';
import type { DatabaseScope, TimeBounds } from './database-scope.js';
import type { ReadConnections, ReadTransaction } from './read-connection.js';
import type { Row } from './statement.js';

/** How long whoever has no time of their own waits for a connection. */
const PATIENCE_MS = 10_000;

/**
 * So many turns of the gateway's own may follow each other while tenants wait: they are short, and
 * must not be all that happens.
 */
const OWN_IN_A_ROW = 100;

/** The gateway itself, in `Holdings`: no tenant's UUID. */
const GATEWAY = 'gateway';
const OPERATOR = 'operator';

/** A connection that may be taken from the pool. */
export interface ConnectionTurn {
  /** Call it once, when the connection is back in the pool or will never be. */
  end(): void;
  /**
   * Whether the connection may be kept for a transaction that goes on in another scope; where not,
   * it is to be given back.
   */
  passTo(scope: DatabaseScope): boolean;
}

/**
 * Who may take a connection from the pool, and when: whoever wants one asks here first, so that
 * nobody ever waits in the queue of the pool itself, which knows no tenants.
 *
 * - Tenants take turns. One has another connection only while more are free than it holds, so
 *   that there is always one for the next.
 * - Some connections are kept for what the gateway asks for itself (`GATEWAY_SCOPE`), such as
 *   whose a token is. That goes first, and is short.
 * - Of one tenant, so many write at once. Those beyond wait without a connection.
 *
 * A transaction that is lost gives its turn back like any other, though the pool may need a moment
 * longer (`lost-connections.ts`).
 */
export class ConnectionTurns {
  readonly #connections: number;
  /** That tenants and the operator may hold together. */
  readonly #forTenants: number;
  readonly #forGateway: number;
  readonly #writesAtOnce: number;

  /** Of the gateway itself. */
  #own = 0;
  #ownInARow = 0;
  readonly #held = new Holdings();
  readonly #writing = new Holdings();
  readonly #waiting = new TurnQueue();
  readonly #waitingOwn = new TurnQueue();
  readonly #waitingToWrite = new TurnQueue();

  constructor({
    connections,
    writesAtOnce = Math.ceil(connections / 4),
  }: {
    connections: number;
    writesAtOnce?: number | undefined;
  }) {
    this.#connections = connections;
    // Of two, one tenant has one at most: the other is for everybody else.
    this.#forTenants =
      connections < 3 ? connections : connections - Math.max(1, Math.floor(connections / 5));
    this.#forGateway = Math.ceil(connections / 2);
    this.#writesAtOnce = writesAtOnce;
  }

  /**
   * Waits for a turn to read. Rejects with the signal's reason, or without one with `UNAVAILABLE`
   * after a while.
   */
  async read(scope: DatabaseScope, signal?: AbortSignal): Promise<ConnectionTurn> {
    const holder = holderOf(scope);
    const waits = this.#enter(holder, signal);
    if (waits) await waits;
    return this.#turnOf(holder);
  }

  /** The same to write. */
  async write(scope: DatabaseScope, signal?: AbortSignal): Promise<ConnectionTurn> {
    const holder = holderOf(scope);
    if (holder === GATEWAY) return this.read(scope, signal);
    if (this.#mayWrite(holder)) this.#writing.add(holder);
    else await inTime(signal, until => this.#waitingToWrite.wait(holder, until));
    const leave = (): void => {
      this.#writing.remove(holder);
      for (
        let next;
        (next = this.#waitingToWrite.next(name => this.#mayWrite(name))) !== undefined;
      )
        this.#writing.add(next);
    };
    try {
      const turn = await this.read(scope, signal);
      return { ...turn, end: () => (turn.end(), leave()) };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Undefined where it may be taken at once. */
  #enter(holder: string, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#isOneLeft() && (holder === GATEWAY ? this.#mayGateway() : this.#may(holder))) {
      this.#add(holder);
      return undefined;
    }
    return inTime(signal, until =>
      (holder === GATEWAY ? this.#waitingOwn : this.#waiting).wait(holder, until),
    );
  }

  #turnOf(first: string): ConnectionTurn {
    let holder = first;
    return {
      end: () => {
        this.#remove(holder);
        this.#letGo();
      },
      passTo: scope => {
        const next = holderOf(scope);
        if (next === holder) return true;
        this.#remove(holder);
        const passes = this.#mayKeep(next);
        if (passes) holder = next;
        this.#add(holder);
        if (passes) this.#letGo();
        return passes;
      },
    };
  }

  /**
   * Whatever anybody gives back, those that wait and may have it have it at once: so nobody who
   * waits is passed over by who comes.
   */
  #letGo(): void {
    while (this.#isOneLeft()) {
      const own = (): string | undefined =>
        this.#mayGateway() ? this.#waitingOwn.next() : undefined;
      const tenants = (): string | undefined => this.#waiting.next(name => this.#may(name));
      const next = this.#ownInARow < OWN_IN_A_ROW ? (own() ?? tenants()) : (tenants() ?? own());
      if (next === undefined) return;
      this.#ownInARow = next === GATEWAY ? this.#ownInARow + 1 : 0;
      this.#add(next);
    }
  }

  #isOneLeft(): boolean {
    return this.#own + this.#held.all < this.#connections;
  }

  #may(holder: string): boolean {
    return this.#held.mayHaveAnother(holder, this.#forTenants);
  }

  /**
   * The last connection goes round: otherwise a look-up would wait until all that was looked up
   * before it has been answered.
   */
  #mayKeep(holder: string): boolean {
    const isLast = this.#held.all + 1 === this.#connections;
    return this.#may(holder) && !(isLast && !(this.#waiting.isEmpty && this.#waitingOwn.isEmpty));
  }

  #mayGateway(): boolean {
    return this.#own < this.#forGateway;
  }

  #mayWrite(holder: string): boolean {
    return this.#writing.of(holder) < this.#writesAtOnce;
  }

  #add(holder: string): void {
    if (holder === GATEWAY) this.#own += 1;
    else this.#held.add(holder);
  }

  #remove(holder: string): void {
    if (holder === GATEWAY) this.#own -= 1;
    else this.#held.remove(holder);
  }
}

function holderOf(scope: DatabaseScope): string {
  if ('tenantId' in scope) return scope.tenantId;
  return scope.isGatewayOwn ? GATEWAY : OPERATOR;
}

async function inTime(
  signal: AbortSignal | undefined,
  wait: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (signal) return wait(signal);
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(noConnectionFree()), PATIENCE_MS);
  try {
    await wait(patience.signal);
  } finally {
    clearTimeout(timer);
  }
}

function noConnectionFree(): AppError {
  return new AppError(
    'UNAVAILABLE',
    'No connection to the database was free in time. Try again shortly.',
    { retryAfterMs: 1_000 },
  );
}

/** A read transaction whose connection was taken in turn. */
export interface ReadTurn extends ReadTransaction, Pick<ConnectionTurn, 'passTo'> {}

/** Opens read-only transactions in turn. */
export interface ReadTurns {
  begin(scope: DatabaseScope, bounds?: TimeBounds): Promise<ReadTurn>;
}

export class ReadsInTurn implements ReadTurns {
  constructor(
    private readonly connections: ReadConnections,
    private readonly turns: ConnectionTurns,
  ) {}

  async begin(scope: DatabaseScope, bounds?: TimeBounds): Promise<ReadTurn> {
    const turn = await this.turns.read(scope, bounds?.signal);
    try {
      return new ReadInTurn(await this.connections.begin(scope, bounds), turn);
    } catch (error) {
      turn.end();
      throw error;
    }
  }
}

class ReadInTurn implements ReadTurn {
  constructor(
    private readonly transaction: ReadTransaction,
    private readonly turn: ConnectionTurn,
  ) {}

  passTo(scope: DatabaseScope): boolean {
    return this.turn.passTo(scope);
  }

  enter(scope: DatabaseScope): Promise<void> {
    return this.transaction.enter(scope);
  }

  query(...asked: Parameters<ReadTransaction['query']>): Promise<Row[]> {
    return this.transaction.query(...asked);
  }

  async end(): Promise<void> {
    try {
      await this.transaction.end();
    } finally {
      this.turn.end();
    }
  }
}
