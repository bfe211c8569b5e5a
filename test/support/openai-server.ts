import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { OpenAiEmbedderConfig } from '../../src/embedders/openai-service.js';

/** A request as it came. */
interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: { model: string; input: string[]; [parameter: string]: unknown };
  /** When it came, by `performance.now()`. */
  at: number;
}

/** How the server treats one request. */
export type Behaviour = (
  request: ReceivedRequest,
  response: ServerResponse,
  server: { dimensions: number },
) => void;

export interface OpenAiServer {
  /** What clients call the base URL: up to and without `/embeddings`. */
  baseUrl: string;
  requests: ReceivedRequest[];
  /**
   * The next requests are treated in these ways, one each; all others as `always` had it, or as
   * `answers()`.
   */
  next(...behaviours: Behaviour[]): void;
  always(behaviour: Behaviour): void;
  close(): Promise<void>;
}

interface Item {
  object: 'embedding';
  index?: number | null;
  embedding: unknown;
}

/**
 * A server on this machine that speaks OpenAI's `/embeddings` with vectors made of words: not of
 * length 1, and the same text has always the same.
 */
export async function startOpenAiServer({ dimensions = 64 } = {}): Promise<OpenAiServer> {
  const requests: ReceivedRequest[] = [];
  const behaviours: Behaviour[] = [];
  let usual = answers();
  const server = createServer(async (incoming, response) => {
    const request = await receive(incoming);
    requests.push(request);
    const behave = behaviours.shift() ?? usual;
    behave(request, response, { dimensions });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    next: (...more) => void behaviours.push(...more),
    always: behaviour => void (usual = behaviour),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The configuration that uses it, as `change` has it. */
export function serviceConfig(
  { baseUrl }: Pick<OpenAiServer, 'baseUrl'>,
  change: Partial<OpenAiEmbedderConfig> = {},
): OpenAiEmbedderConfig {
  return {
    provider: 'openai',
    baseUrl,
    apiKey: undefined,
    model: 'words',
    dimensions: 64,
    sendDimensions: false,
    concurrency: 32,
    batchSize: 64,
    batchTokens: 250_000,
    queryPrefix: '',
    documentPrefix: '',
    timeoutMs: 30_000,
    ...change,
  };
}

/** The honest answer, or what `change` makes of its items. */
export function answers(change: (items: Item[]) => unknown[] = items => items): Behaviour {
  return ({ body }, response, { dimensions }) => {
    const items = body.input.map((input, index): Item => ({
      object: 'embedding',
      index,
      embedding: wordVector(input, dimensions),
    }));
    sendJson(response, 200, {
      object: 'list',
      data: change(items),
      model: body.model,
      usage: { prompt_tokens: 1, total_tokens: 1 },
    });
  };
}

/** The honest answer, of which every vector is changed. */
export function answersWithVectors(change: (vector: number[]) => unknown): Behaviour {
  return answers(items =>
    items.map(item => ({ ...item, embedding: change(item.embedding as number[]) })),
  );
}

/** An error as OpenAI words it; like a careless server it repeats the headers that it was sent. */
export function fails(status: number, headers: Record<string, string> = {}): Behaviour {
  return (request, response) => {
    sendJson(
      response,
      status,
      {
        error: {
          message: `Not now. You sent ${JSON.stringify(request.headers)}`,
          type: 'server_error',
        },
      },
      headers,
    );
  };
}

/** Status 200 and a body that is taken as it is. */
export function says(body: string): Behaviour {
  return (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

/** No answer, ever. */
export function stalls(): Behaviour {
  return () => {};
}

/** Half an answer and then nothing more. */
export function stallsHalfway(): Behaviour {
  return (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).write('{"data":[');
}

/** The connection is closed without an answer. */
export function hangsUp(): Behaviour {
  return (_, response) => void response.socket!.destroy();
}

/** The connection is closed in the middle of the answer. */
export function hangsUpHalfway(): Behaviour {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"data":[', () => response.socket!.destroy());
  };
}

async function receive(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const at = performance.now();
  const body = JSON.parse(await text(incoming)) as ReceivedRequest['body'];
  return { method: incoming.method!, path: incoming.url!, headers: incoming.headers, body, at };
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
}

/**
 * Counts words in places that their letters choose; the first place is never empty, so no vector is
 * zero.
 */
function wordVector(input: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  vector[0] = 0.5;
  for (const word of input.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    const sum = Array.from(word).reduce(
      (hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 1_000_003,
      7,
    );
    vector[1 + (sum % (dimensions - 1))]! += 2;
  }
  return vector;
}
