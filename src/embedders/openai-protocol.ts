import { z } from 'zod';
import { AppError } from '../base/app-error.js';
import { TextRefusal } from './text-refusal.js';

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

/** Of what a service answers, so much is written to the log, in characters. */
const MAX_EXCERPT = 500;

/** An error as services tell it: OpenAI an object, Ollama and others a text. */
const ErrorAnswer = z.object({
  error: z.union([
    z.string(),
    z.object({
      code: z.union([z.string(), z.number()]).nullish(),
      type: z.string().nullish(),
      status: z.union([z.string(), z.number()]).nullish(),
    }),
  ]),
});

/**
 * As OpenAI names a quota that is used up, which it tells with the status of too many requests:
 * https://platform.openai.com/docs/guides/error-codes
 */
const USED_UP = 'insufficient_quota';

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

/** The beginning of an answer, as the log has it: without the key, which some services repeat. */
export function excerptOf(body: string, apiKey: string | undefined): string {
  return (apiKey ? body.replaceAll(apiKey, '[key]') : body).slice(0, MAX_EXCERPT);
}

/**
 * The HTTP status of an error that a service, or a proxy before it, tells with the status 200;
 * undefined where the answer is none.
 */
export function statusOfError(answer: unknown): number | undefined {
  const parsed = ErrorAnswer.safeParse(answer);
  if (!parsed.success || 'data' in (answer as object)) return undefined;
  const { error } = parsed.data;
  const codes = typeof error === 'string' ? [] : [error.code, error.status].map(Number);
  return codes.find(code => code >= 400 && code <= 599) ?? 500;
}

/** Whether an answer with status 429 says that no later try will do. */
export function isQuotaUsedUp(body: string): boolean {
  try {
    const { error } = ErrorAnswer.parse(JSON.parse(body));
    return typeof error !== 'string' && [error.code, error.type].includes(USED_UP);
  } catch {
    return false;
  }
}

/**
 * The vectors of the texts in their order, each with length 1, or why there are none. `excerpt` of
 * the answer is for the log.
 */
export function vectorsIn(
  body: unknown,
  texts: readonly string[],
  dimensions: number,
  excerpt: string,
): EmbedOutcome {
  try {
    return { vectors: readVectors(body, texts, dimensions, excerpt) };
  } catch (error) {
    return { error: error as AppError };
  }
}

function readVectors(
  answer: unknown,
  texts: readonly string[],
  dimensions: number,
  excerpt: string,
): number[][] {
  const count = texts.length;
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) throw unusable(z.prettifyError(parsed.error), excerpt);
  const { data } = parsed.data;
  if (data.length !== count) throw unusable(`it has ${data.length} vectors for ${count} texts`);
  const vectors = new Array<number[] | undefined>(count);
  const seen = new Set<number>();
  for (const [position, { index, embedding }] of data.entries()) {
    const order = index ?? position;
    if (order >= count || seen.has(order))
      throw unusable(`the index ${order} is out of range or comes twice`);
    seen.add(order);
    if (embedding.length !== dimensions)
      throw unusable(
        `a vector has ${embedding.length} numbers instead of the configured ${dimensions}`,
      );
    vectors[order] = unitVector(embedding);
  }
  const wrong = vectors.indexOf(undefined);
  if (wrong < 0) return vectors as number[][];
  const error = unusable('a vector is zero or holds something else than finite numbers');
  // Where the others have one, it is this text's doing.
  throw vectors.some(Boolean) ? new TextRefusal(wrong, texts[wrong]!, error.cause) : error;
}

/**
 * The same direction with length 1: not all services normalise. Undefined where the numbers have
 * none.
 */
function unitVector(values: readonly unknown[]): number[] | undefined {
  const numbers = values.filter(value => typeof value === 'number');
  const length = Math.hypot(...numbers);
  if (numbers.length !== values.length || !Number.isFinite(length) || length === 0)
    return undefined;
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

export function unusable(reason: string, excerpt?: string): AppError {
  const beginning = excerpt === undefined ? '' : ` It begins: ${excerpt}`;
  return unavailable(
    'gave an invalid answer',
    new Error(`The answer cannot be used: ${reason}.${beginning}`),
  );
}
