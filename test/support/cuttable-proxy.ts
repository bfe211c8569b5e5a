import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server that a test can cut, as if the server had gone, and mend again. */
export class CuttableProxy {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(private readonly target: { readonly host: string; readonly port: number }) {}

  get port(): number {
    return this.#port;
  }

  async mend(): Promise<void> {
    this.#server = createServer(near => {
      const far = connect(this.target);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket
          .on('error', () => {})
          .on('close', () => void (this.#sockets.delete(socket), other.destroy()));
        socket.pipe(other);
      }
    });
    await new Promise<void>(resolve => this.#server!.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection at once and takes no new ones. */
  async cut(): Promise<void> {
    const closed = new Promise(resolve => this.#server?.close(resolve) ?? resolve(undefined));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}
