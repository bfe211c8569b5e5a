import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { HttpRequest } from './http-request.js';

/**
 * One round: `connections` clients, each sending the next request when its last answer is complete.
 */
export interface Round {
  readonly url: string;
  readonly requests: readonly HttpRequest[];
  /** Bytes of the body that answers each request; any other length is a failure. */
  readonly lengths: readonly number[];
  readonly connections: number;
  readonly seconds: number;
}

export interface RoundResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * A client over one kept-alive connection. It writes bytes that were made beforehand and only
 * counts the bytes of an answer, so that it takes little of the machine from the servers, and times
 * are exact: well-known load generators count whole milliseconds, which is several times what the
 * fastest answers here take.
 */
class Connection {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  #missing = -1;
  #length = 0;
  #answered: (length: number) => void = () => {};
  #failed: (error: Error) => void = () => {};

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname).setNoDelay();
    this.#socket.on('data', piece => this.#receive(piece));
    this.#socket.on('error', error => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('The server closed the connection.')));
  }

  /** Sends a request and gives the length of its answer's body. */
  send(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#failed = () => {};
    this.#socket.destroy();
  }

  #receive(piece: Buffer): void {
    if (this.#missing < 0) {
      this.#head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.#head.toString('latin1', 0, end);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (!head.startsWith('HTTP/1.1 200') || length === undefined)
        return this.#failed(new Error(`Unexpected answer: ${this.#head.toString()}`));
      this.#length = Number(length);
      this.#missing = this.#length - (this.#head.length - end - 4);
      this.#head = Buffer.alloc(0);
    } else {
      this.#missing -= piece.length;
    }
    if (this.#missing > 0) return;
    this.#missing = -1;
    this.#answered(this.#length);
  }
}

async function run({ url, requests, lengths, connections, seconds }: Round): Promise<RoundResult> {
  const messages = requests.map(toBytes);
  const times: number[] = [];
  let next = 0;
  const clients = Array.from({ length: connections }, () => new Connection(url));
  const startedAt = performance.now();
  const deadline = startedAt + seconds * 1_000;
  const client = async (connection: Connection): Promise<void> => {
    for (let now = performance.now(); now < deadline;) {
      const index = next++ % messages.length;
      const length = await connection.send(messages[index]!);
      if (length !== lengths[index])
        throw new Error(
          `Request ${index} was answered with ${length} bytes in place of ${lengths[index]}.`,
        );
      const answeredAt = performance.now();
      times.push(answeredAt - now);
      now = answeredAt;
    }
  };
  try {
    await Promise.all(clients.map(client));
  } finally {
    for (const connection of clients) connection.close();
  }
  const elapsed = (performance.now() - startedAt) / 1_000;
  times.sort((a, b) => a - b);
  const percentile = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return {
    requests: times.length,
    seconds: elapsed,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

function toBytes({ method, path, headers, body }: HttpRequest): Buffer {
  const lines = Object.entries({
    host: 'localhost',
    ...headers,
    ...(body && { 'content-length': String(Buffer.byteLength(body)) }),
  });
  return Buffer.from(
    `${method} ${path} ` +
      `HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

process.on('message', (round: Round) => {
  run(round).then(
    result => process.send!({ result }),
    (error: unknown) => process.send!({ error: String(error) }),
  );
});
process.once('disconnect', () => process.exit());
process.send!('ready');
