import { isDeepStrictEqual } from 'node:util';
import type { Server } from './processes.js';
import type { HttpRequest } from './workloads.js';

/** Similarities come from the same numbers, added up in another order. */
const DIGITS = 6;

/**
 * Sends every request once to every server and gives the lengths of the answers' bodies. Throws where they do not hold the same data,
 * or where it is not data but an error.
 */
export async function verifyAnswers(name: string, contenders: readonly { server: Server; requests: readonly HttpRequest[] }[]): Promise<number[][]> {
  const answers = [];
  for (const { server, requests } of contenders) {
    const bodies = [];
    for (const { method, path, headers, body } of requests) {
      const response = await fetch(`${server.url}${path}`, { method, headers, ...(body && { body }) });
      const text = await response.text();
      if (response.status !== 200 || text.includes('"errors":')) throw new Error(`${name}: ${server.name} answered ${response.status}: ${text.slice(0, 500)}`);
      bodies.push(text);
    }
    answers.push({ server, bodies });
  }
  const [first, ...others] = answers;
  for (const other of others) {
    other.bodies.forEach((body, index) => {
      if (!isDeepStrictEqual(rounded(first!.bodies[index]!), rounded(body))) {
        throw new Error(`${name}: ${first!.server.name} and ${other.server.name} differ:\n${first!.bodies[index]!.slice(0, 1_000)}\n${body.slice(0, 1_000)}`);
      }
    });
  }
  return answers.map(({ bodies }) => bodies.map(body => Buffer.byteLength(body)));
}

function rounded(json: string): unknown {
  return JSON.parse(json, (_, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(DIGITS)) : value));
}
