import { connect, type Socket } from 'node:net';

/** A plain connection to a gateway, over which a test sends whatever it likes. */
export class RawConnection {
  received = '';
  readonly socket: Socket;
  readonly opened: Promise<void>;
  /** When the gateway has closed it, or refused it. */
  readonly closed: Promise<void>;

  /**
   * `reads: false` leaves in the network what the gateway sends; `halfOpen` goes on sending when it
   * sends no more.
   */
  constructor(url: string, { reads = true, halfOpen = false } = {}) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), allowHalfOpen: halfOpen });
    if (reads) this.socket.setEncoding('latin1').on('data', text => void (this.received += text));
    // A reset is one of the ways to be closed.
    this.socket.on('error', () => {});
    this.opened = new Promise(resolve => this.socket.once('connect', () => resolve()));
    this.closed = new Promise(resolve => this.socket.once('close', () => resolve()));
  }

  send(bytes: string): this {
    this.socket.write(bytes, 'latin1');
    return this;
  }

  /** When `text` has come; rejects when the connection is closed before. */
  async until(text: string): Promise<void> {
    const come = new Promise<void>(resolve => {
      const look = (): void => {
        if (this.received.includes(text)) resolve();
      };
      this.socket.on('data', look);
      look();
    });
    await Promise.race([come, this.closed]);
    if (!this.received.includes(text))
      throw new Error(
        `The connection ended before "${text}" came:\n${this.received.slice(0, 2_000)}`,
      );
  }

  /** Of all answers so far, in order. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(match => Number(match[1]));
  }
}

/** Sends `bytes` and gives all that came until the gateway closed the connection. */
export async function exchange(url: string, bytes: string): Promise<RawConnection> {
  const connection = new RawConnection(url).send(bytes);
  await connection.closed;
  return connection;
}
