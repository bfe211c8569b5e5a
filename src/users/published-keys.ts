import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { AppError } from '../base/app-error.js';

/** Keys are fetched again when they are this old, so that withdrawn keys stop working. */
const MAX_AGE_MS = 10 * 60_000;
/**
 * Between two fetches, at least: tokens with made-up key ids must not make a storm of them, nor
 * must a provider that is down.
 */
const COOLDOWN_MS = 15_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;

/**
 * The keys that an identity provider publishes, as jose asks for them: fetched when first needed,
 * when they are old, and when a token names one that is not there. Old keys go on while the
 * provider cannot be reached; `UNAVAILABLE` where there are none, since that says nothing of the
 * token.
 *
 * jose's own `createRemoteJWKSet` (6.2) keeps two of these promises not: keys that are old are
 * refused while the provider cannot be reached, since it lets the error of the fetch through; and
 * its cool-down begins with the last fetch that went well, so that a provider that is down is asked
 * once for each token, each of which waits for the time-out.
 */
export function publishedKeys(url: string, log: Logger, timeoutMs = TIMEOUT_MS): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  let fetchedAt = -Infinity;
  let attemptedAt = -Infinity;
  let pendingFetch: Promise<void> | undefined;

  const renew = (): Promise<void> => {
    if (pendingFetch) return pendingFetch;
    if (performance.now() - attemptedAt < COOLDOWN_MS) return Promise.resolve();
    attemptedAt = performance.now();
    pendingFetch = fetchAnew().finally(() => (pendingFetch = undefined));
    return pendingFetch;
  };
  const fetchAnew = async (): Promise<void> => {
    try {
      keys = createLocalJWKSet(await fetchKeys(url, timeoutMs));
      fetchedAt = performance.now();
    } catch (error) {
      log.warn({ err: error }, "The identity provider's keys cannot be fetched");
    }
  };

  return async (header, token) => {
    if (performance.now() - fetchedAt > MAX_AGE_MS) await renew();
    if (!keys) throw keysUnavailable(attemptedAt);
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // The provider may have begun to sign with a new key.
      await renew();
      return keys(header, token);
    }
  };
}

function keysUnavailable(attemptedAt: number): AppError {
  const retryAfterMs = Math.max(1_000, Math.ceil(attemptedAt + COOLDOWN_MS - performance.now()));
  return new AppError(
    'UNAVAILABLE',
    "The identity provider's keys cannot be reached at the moment. Try again shortly.",
    { retryAfterMs },
  );
}

async function fetchKeys(url: string, timeoutMs: number): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`The answer is ${response.status}.`);
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (text.length > MAX_BYTES) throw new Error(`The answer is longer than ${MAX_BYTES} bytes.`);
  }
  const keys = JSON.parse(text) as JSONWebKeySet;
  if (!Array.isArray(keys?.keys)) throw new Error('The answer is not a JSON Web Key Set.');
  return keys;
}
