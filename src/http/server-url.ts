import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Where a server listens, such as `http://127.0.0.1:4000`. */
export function serverUrl(app: FastifyInstance): string {
  const { family, address, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
