import { AppError } from '../base/app-error.js';
import { HolderCounts, FairQueue } from '../base/fair-queue.js';
import type { DatabaseScope, OperationBounds } from './database-scope.js';
import type { ReadConnections, ReadTransaction, ReceivedRows } from './read-connection.js';

/** How long whoever has no time of their own waits for a connection. */
const ACQUIRE_TIMEOUT_MS = 10_000;

/**
 * So many turns of the gateway's own may follow each other while tenants wait: they are short, and
 * must not be all that happens.
 */
const MAX_GATEWAY_GRANTS_IN_ROW = 100;

/** The gateway itself, in `HolderCounts`: no tenant's UUID. */
const GATEWAY = 'gateway';
const OPERATOR = 'operator';

/** A connection that may be taken from the pool. */
export interface ConnectionPermit {
  /** Call it once, when the connection is back in the pool or will never be. */
  end(): void;
  /**
   * Whether the connection may be kept for a transaction that goes on in another scope; where not,
   * it is to be given back.
   */
  transferTo(scope: DatabaseScope): boolean;
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
export class ConnectionScheduler {
  readonly #connections: number;
  /** That tenants and the operator may hold together. */
  readonly #maxForTenants: number;
  readonly #maxForGateway: number;
  readonly #concurrentWrites: number;

  /** Of the gateway itself. */
  #gatewayConnections = 0;
  #gatewayGrantsInRow = 0;
  readonly #connectionsByHolder = new HolderCounts();
  readonly #writesByHolder = new HolderCounts();
  readonly #queue = new FairQueue();
  readonly #gatewayQueue = new FairQueue();
  readonly #writeQueue = new FairQueue();

  constructor({
    connections,
    concurrentWrites = Math.ceil(connections / 4),
  }: {
    connections: number;
    concurrentWrites?: number | undefined;
  }) {
    this.#connections = connections;
    // Of two, one tenant has one at most: the other is for everybody else.
    this.#maxForTenants =
      connections < 3 ? connections : connections - Math.max(1, Math.floor(connections / 5));
    this.#maxForGateway = Math.ceil(connections / 2);
    this.#concurrentWrites = concurrentWrites;
  }

  /**
   * Waits for a turn to read. Rejects with the signal's reason, or without one with `UNAVAILABLE`
   * after a while.
   */
  async read(scope: DatabaseScope, signal?: AbortSignal): Promise<ConnectionPermit> {
    const holder = holderOf(scope);
    const grant = this.#acquire(holder, signal);
    if (grant) await grant;
    return this.#permitFor(holder);
  }

  /** The same to write. */
  async write(scope: DatabaseScope, signal?: AbortSignal): Promise<ConnectionPermit> {
    const holder = holderOf(scope);
    if (holder === GATEWAY) return this.read(scope, signal);
    if (this.#canWrite(holder)) this.#writesByHolder.add(holder);
    else await withTimeout(signal, waitSignal => this.#writeQueue.wait(holder, waitSignal));
    const releaseWrite = (): void => {
      this.#writesByHolder.remove(holder);
      for (let next; (next = this.#writeQueue.next(name => this.#canWrite(name))) !== undefined;)
        this.#writesByHolder.add(next);
    };
    try {
      const permit = await this.read(scope, signal);
      return { ...permit, end: () => (permit.end(), releaseWrite()) };
    } catch (error) {
      releaseWrite();
      throw error;
    }
  }

  /** Undefined where it may be taken at once. */
  #acquire(holder: string, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#hasFree() && (holder === GATEWAY ? this.#gatewayCanTake() : this.#canTake(holder))) {
      this.#add(holder);
      return undefined;
    }
    return withTimeout(signal, waitSignal =>
      (holder === GATEWAY ? this.#gatewayQueue : this.#queue).wait(holder, waitSignal),
    );
  }

  #permitFor(first: string): ConnectionPermit {
    let holder = first;
    return {
      end: () => {
        this.#remove(holder);
        this.#grantFree();
      },
      transferTo: scope => {
        const next = holderOf(scope);
        if (next === holder) return true;
        this.#remove(holder);
        const isAllowed = this.#canKeep(next);
        if (isAllowed) holder = next;
        this.#add(holder);
        if (isAllowed) this.#grantFree();
        return isAllowed;
      },
    };
  }

  /**
   * Whatever anybody gives back, those that wait and may have it have it at once: so nobody who
   * waits is passed over by who comes.
   */
  #grantFree(): void {
    while (this.#hasFree()) {
      const gatewayConnections = (): string | undefined =>
        this.#gatewayCanTake() ? this.#gatewayQueue.next() : undefined;
      const nextTenant = (): string | undefined => this.#queue.next(name => this.#canTake(name));
      const next =
        this.#gatewayGrantsInRow < MAX_GATEWAY_GRANTS_IN_ROW
          ? (gatewayConnections() ?? nextTenant())
          : (nextTenant() ?? gatewayConnections());
      if (next === undefined) return;
      this.#gatewayGrantsInRow = next === GATEWAY ? this.#gatewayGrantsInRow + 1 : 0;
      this.#add(next);
    }
  }

  #hasFree(): boolean {
    return this.#gatewayConnections + this.#connectionsByHolder.total < this.#connections;
  }

  #canTake(holder: string): boolean {
    return this.#connectionsByHolder.canTakeAnother(holder, this.#maxForTenants);
  }

  /**
   * The last connection goes round: otherwise a look-up would wait until all that was looked up
   * before it has been answered.
   */
  #canKeep(holder: string): boolean {
    const isLast = this.#connectionsByHolder.total + 1 === this.#connections;
    return (
      this.#canTake(holder) && !(isLast && !(this.#queue.isEmpty && this.#gatewayQueue.isEmpty))
    );
  }

  #gatewayCanTake(): boolean {
    return this.#gatewayConnections < this.#maxForGateway;
  }

  #canWrite(holder: string): boolean {
    return this.#writesByHolder.of(holder) < this.#concurrentWrites;
  }

  #add(holder: string): void {
    if (holder === GATEWAY) this.#gatewayConnections += 1;
    else this.#connectionsByHolder.add(holder);
  }

  #remove(holder: string): void {
    if (holder === GATEWAY) this.#gatewayConnections -= 1;
    else this.#connectionsByHolder.remove(holder);
  }
}

function holderOf(scope: DatabaseScope): string {
  if ('tenantId' in scope) return scope.tenantId;
  return scope.isGateway ? GATEWAY : OPERATOR;
}

async function withTimeout(
  signal: AbortSignal | undefined,
  wait: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (signal) return wait(signal);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(noConnectionFree()), ACQUIRE_TIMEOUT_MS);
  try {
    await wait(controller.signal);
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
export interface ScheduledRead extends ReadTransaction, Pick<ConnectionPermit, 'transferTo'> {}

/** Opens read-only transactions in turn. */
export interface ReadScheduler {
  begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ScheduledRead>;
}

export class ScheduledReadConnections implements ReadScheduler {
  constructor(
    private readonly connections: ReadConnections,
    private readonly scheduler: ConnectionScheduler,
  ) {}

  async begin(scope: DatabaseScope, bounds?: OperationBounds): Promise<ScheduledRead> {
    const permit = await this.scheduler.read(scope, bounds?.signal);
    try {
      return new ScheduledReadTransaction(await this.connections.begin(scope, bounds), permit);
    } catch (error) {
      permit.end();
      throw error;
    }
  }
}

class ScheduledReadTransaction implements ScheduledRead {
  constructor(
    private readonly transaction: ReadTransaction,
    private readonly permit: ConnectionPermit,
  ) {}

  transferTo(scope: DatabaseScope): boolean {
    return this.permit.transferTo(scope);
  }

  enter(scope: DatabaseScope): Promise<void> {
    return this.transaction.enter(scope);
  }

  query(...args: Parameters<ReadTransaction['query']>): Promise<ReceivedRows> {
    return this.transaction.query(...args);
  }

  async end(): Promise<void> {
    try {
      await this.transaction.end();
    } finally {
      this.permit.end();
    }
  }
}
