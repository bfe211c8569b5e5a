import { z } from 'zod';
import { AppError } from '../base/app-error.js';

// What is sent to a service that speaks OpenAI's `POST /embeddings`, and how its answers are read.

/**
 * The longest that a service's `Retry-After` is believed: a wrong one must not silence it for days.
 */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * `index` is left out by some services, such as Gemini for its first item; the place in the list
 * counts then.
 */
const Answer = z.object({
  data: z.array(
    z.object({ index: z.int().nonnegative().nullish(), embedding: z.array(z.unknown()) }),
  ),
});

/** What a service that answers made of a batch: vectors, or a refusal. */
export type EmbedOutcome = { vectors: number[][] } | { error: AppError };

export function requestHeaders(apiKey: string | undefined): Headers {
  const headers = new Headers({ 'content-type': 'application/json', accept: 'application/json' });
  try {
    if (apiKey) headers.set('authorization', `Bearer ${apiKey}`);
  } catch {
    // The original error quotes the key.
    throw new TypeError(
      'The key of the embedding service contains characters that an HTTP header cannot contain.',
    );
  }
  return headers;
}

/**
 * The text as services take it: an empty one becomes a space and half a surrogate pair becomes
 * U+FFFD, for either makes some refuse the whole batch.
 */
export function withoutUnpairedSurrogates(text: string): string {
  return text === '' ? ' ' : text.toWellFormed();
}

/**
 * Milliseconds that a `Retry-After` header asks for, given in seconds or as a date, as far as it is
 * believed; undefined when it is absent or neither.
 */
export function readRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}

/** The vectors of `count` texts in their order, each with length 1, or why there are none. */
export function vectorsIn(body: unknown, count: number, dimensions: number): EmbedOutcome {
  try {
    return { vectors: readVectors(body, count, dimensions) };
  } catch (error) {
    return { error: error as AppError };
  }
}

function readVectors(answer: unknown, count: number, dimensions: number): number[][] {
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) throw unusable(z.prettifyError(parsed.error));
  const { data } = parsed.data;
  if (data.length !== count) throw unusable(`it has ${data.length} vectors for ${count} texts`);
  const vectors = new Array<number[] | undefined>(count);
  for (const [position, { index, embedding }] of data.entries()) {
    const order = index ?? position;
    if (order >= count || vectors[order])
      throw unusable(`the index ${order} is out of range or comes twice`);
    if (embedding.length !== dimensions)
      throw unusable(
        `a vector has ${embedding.length} numbers instead of the configured ${dimensions}`,
      );
    vectors[order] = unitVector(embedding);
  }
  return vectors as number[][];
}

/** The same direction with length 1: not all services normalise. */
function unitVector(values: readonly unknown[]): number[] {
  const numbers = values.filter(value => typeof value === 'number');
  const length = Math.hypot(...numbers);
  if (numbers.length !== values.length || !Number.isFinite(length) || length === 0)
    throw unusable('a vector is zero or holds something else than finite numbers');
  return numbers.map(number => number / length);
}

export function unavailable(problem: string, cause: unknown, retryAfterMs?: number): AppError {
  // What no later try will mend is the operator's to see to.
  const advice = retryAfterMs === undefined ? " The gateway's log says why." : '';
  return new AppError('UNAVAILABLE', `The embedding service ${problem}.${advice}`, {
    cause,
    retryAfterMs,
  });
}

export function unusable(reason: string): AppError {
  return unavailable('gave an invalid answer', new Error(`The answer cannot be used: ${reason}.`));
}
