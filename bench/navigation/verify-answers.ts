import type { Server } from './processes.js';
import type { HttpRequest } from './workloads.js';

/** Similarities are computed from the question in half precision, which the gateway brings to unit length first. */
const TOLERANCE = 1e-5;

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
      if (!isAlike(JSON.parse(first!.bodies[index]!), JSON.parse(body))) {
        throw new Error(`${name}: ${first!.server.name} and ${other.server.name} differ:\n${first!.bodies[index]!.slice(0, 1_000)}\n${body.slice(0, 1_000)}`);
      }
    });
  }
  return answers.map(({ bodies }) => bodies.map(body => Buffer.byteLength(body)));
}

function isAlike(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') return Math.abs(one - other) <= TOLERANCE;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every(key => isAlike((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]));
}
