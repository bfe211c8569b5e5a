import { randomFillSync } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { v7 } from 'uuid';
import type { Config } from '../config.js';

/** Not what looks like a key or a JWT: ids are logged and given back. */
const REQUEST_ID = /^(?!.*(?:[Ww][Vv][RrUu]_|eyJ[\w-]*\.))[\w.:-]{1,100}$/;

/** Shorter ids and secrets hold each other by chance. */
const MIN_SECRET_LENGTH = 16;

/** The secrets of this gateway that somebody could send in the wrong place. */
export function configuredSecrets({
  operatorToken,
  metricsToken,
  userTokens,
  embedder,
}: Pick<Config, 'operatorToken' | 'metricsToken' | 'userTokens' | 'embedder'>): string[] {
  const signing = userTokens?.keys.kind === 'secret' ? userTokens.keys.secret : undefined;
  const ofEmbedder = embedder.provider === 'openai' ? embedder.apiKey : undefined;
  return [operatorToken, metricsToken, signing, ofEmbedder].filter(secret => secret !== undefined);
}

/**
 * The id of a request: the one that a proxy before us gave it, so that it is found in the logs of
 * both, or a new one in place of an id that could be anything else, such as a token that somebody
 * pasted into the wrong header.
 */
export function requestIdOf(headers: IncomingHttpHeaders, secrets: readonly string[]): string {
  const given = headers['x-request-id'];
  if (typeof given !== 'string' || !REQUEST_ID.test(given)) return newRequestId();
  const sent = [headers.authorization?.split(' ').at(-1), headers['x-api-key']];
  return [...secrets, ...sent].some(secret => isPartOf(given, secret)) ? newRequestId() : given;
}

/** Whether one of the two holds the other. */
function isPartOf(id: string, secret: string | string[] | undefined): boolean {
  if (typeof secret !== 'string') return false;
  if (secret.length < MIN_SECRET_LENGTH || id.length < MIN_SECRET_LENGTH) return id === secret;
  return id.includes(secret) || secret.includes(id);
}

const ID_BYTES = 16;
const randomness = Buffer.alloc(256 * ID_BYTES);
let randomnessUsed = randomness.length;

/**
 * A UUIDv7. Asking the system for a few random bytes takes as long as for many, so that they are
 * fetched for many requests.
 */
export function newRequestId(): string {
  if (randomnessUsed === randomness.length) {
    randomFillSync(randomness);
    randomnessUsed = 0;
  }
  return v7({ random: randomness.subarray(randomnessUsed, (randomnessUsed += ID_BYTES)) });
}
