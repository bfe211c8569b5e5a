import type { Server } from '../shared/processes.js';
import type { HttpRequest } from '../shared/http-request.js';

/** One of the servers that are compared, and what it is asked. */
export interface Contender {
  readonly server: Server;
  readonly requests: readonly HttpRequest[];
}

/**
 * Similarities are computed from the question in half precision, which the gateway brings to unit
 * length first.
 */
const TOLERANCE = 1e-5;

/**
 * Sends every request once to every server and gives the lengths of the answers' bodies. Throws
 * where they do not hold the same data, or where it is not data but an error.
 */
export async function verifyAnswers(
  name: string,
  contenders: readonly Contender[],
  { ignoreIds = false } = {},
): Promise<number[][]> {
  const answers = [];
  for (const { server, requests } of contenders) {
    const bodies = [];
    for (const { method, path, headers, body } of requests) {
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers,
        ...(body && { body }),
      });
      const text = await response.text();
      if (response.status !== 200 || text.includes('"errors":'))
        throw new Error(
          `${name}: ${server.name} answered ${response.status}: ${text.slice(0, 500)}`,
        );
      bodies.push(text);
    }
    answers.push({ server, bodies });
  }
  const [first, ...others] = answers;
  for (const other of others) {
    other.bodies.forEach((body, index) => {
      if (!isAlike(dataOf(first!.bodies[index]!, ignoreIds), dataOf(body, ignoreIds))) {
        throw new Error(
          `${name}: ${first!.server.name} and ${other.server.name} ` +
            `differ:\n${first!.bodies[index]!.slice(0, 1_000)}\n${body.slice(0, 1_000)}`,
        );
      }
    });
  }
  return answers.map(({ bodies }) => bodies.map(body => Buffer.byteLength(body)));
}

/**
 * The data of an answer, without what is a matter of notation: times with an offset in place of Z,
 * 64-bit numbers as texts, enums in lower case, and hits that are the chunks themselves, as
 * PostGraphile has them.
 */
function dataOf(body: string, ignoreIds: boolean): unknown {
  return JSON.parse(body, (name, value: unknown) => {
    switch (name) {
      case 'createdAt':
      case 'updatedAt':
        return (value as string).replace('+00:00', 'Z');
      case 'sizeBytes':
      case 'totalCount':
        return Number(value);
      case 'id':
        return ignoreIds ? undefined : value;
      case 'status':
        return (value as string).toUpperCase();
      case 'hits':
        return (value as object[]).map(hit =>
          'chunk' in hit ? named(hit as never) : toHit(hit as never),
        );
      default:
        return value;
    }
  });
}

/** A similarity is the score of a search by vector. */
function named({ similarity, score = similarity, ...hit }: Record<string, unknown>): object {
  return { score, ...hit };
}

function toHit({
  score,
  document: { bot, ...document },
  ...chunk
}: {
  score: number;
  document: { bot: object };
}): object {
  return { score, chunk: { ...chunk, document, bot } };
}

function isAlike(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number')
    return Math.abs(one - other) <= TOLERANCE;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return one === other;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every(key =>
      isAlike((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
    )
  );
}
