import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { JSON_IN_SQL } from './floor-json-in-sql.js';
import { ROWS } from './floor-rows.js';

/** Writes the body of one workload's answer for a tenant; `body` is what the request sent. */
export type FloorHandler = (pool: Pool, tenantId: string, body: string) => Promise<string>;
export type Floor = Readonly<Record<string, FloorHandler>>;

/**
 * What a hand-written server would do for one workload each: no GraphQL, no permissions, no walls
 * between tenants, one prepared statement. `argv[2]` says who makes the JSON: `json-in-sql` or
 * `rows`.
 */
const floor: Floor = process.argv[2] === 'rows' ? ROWS : JSON_IN_SQL;
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const server = createServer(async (request, response) => {
  try {
    const [path, query] = request.url!.split('?', 2);
    const tenantId = query?.slice('tenant='.length) ?? '';
    const text = await floor[path!.slice(1)]!(pool, tenantId, await bodyOf(request));
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  } catch (error) {
    response.writeHead(500);
    response.end(String(error));
  }
});
server.listen(0, '127.0.0.1', () =>
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.once('disconnect', () => process.exit());

async function bodyOf(request: IncomingMessage): Promise<string> {
  if (request.method === 'GET') return '';
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
