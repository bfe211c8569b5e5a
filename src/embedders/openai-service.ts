// Longer than 300 lines: the attempts, waits and pauses of a batch share the state of one class.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import type { Logger } from 'pino';
import { AppError } from '../base/app-error.js';
import type { EmbedderConfig } from '../config.js';
import { BatchRefusal } from './batches.js';
import {
  excerptOf,
  isQuotaUsedUp,
  readRetryAfter,
  requestHeaders,
  statusOfError,
  unavailable,
  unusable,
  vectorsIn,
  withoutUnpairedSurrogates,
  type EmbedOutcome,
} from './openai-protocol.js';

export type OpenAiEmbedderConfig = Extract<EmbedderConfig, { provider: 'openai' }>;

export interface RetryPolicy {
  /** How often one batch is sent at most. */
  attempts: number;
  /** The longest wait before the second attempt; it doubles for each further one. */
  firstDelayMs: number;
  /**
   * Which part of the longest wait to take, from 0 to 1. Random, so that many clients do not come
   * back all at once.
   */
  jitter: () => number;
  /** After so many batches in a row that failed, the service is left alone. */
  failuresToPause: number;
  /** For so long. Then one batch tries, and the others wait for how it fares. */
  pauseMs: number;
}

const RETRY: RetryPolicy = {
  attempts: 3,
  firstDelayMs: 500,
  jitter: Math.random,
  failuresToPause: 5,
  pauseMs: 5_000,
};

/** When to come back, where the service does not say. */
const RETRY_AFTER_MS = 1_000;

/**
 * Statuses after which the same request can succeed: time-out, conflict, too many requests. All of
 * 5xx count too.
 */
const TRANSIENT_STATUSES: readonly number[] = [408, 409, 429];

/**
 * Statuses that tell of the service and not of what it was asked: too many requests, bad gateway,
 * unavailable, gateway time-out. A 500 may be one text's doing.
 */
const OUTAGE_STATUSES: readonly number[] = [429, 502, 503, 504];

/**
 * Statuses that tell of what was asked: bad request, too large, unprocessable; and 500, with which
 * some services fail at one text. Fewer texts may be taken.
 */
const BATCH_STATUSES: readonly number[] = [400, 413, 422, 500];

/** What an attempt came to: the answer's JSON, or why there is none. */
type Attempt = { body: unknown; excerpt: string } | { error: AppError };

export type ServiceLog = Pick<Logger, 'warn' | 'info'>;

/**
 * The service's own failure, which the breaker counts. Others, such as a caller's who has gone,
 * tell nothing of it.
 */
class Outage extends AppError {
  constructor({ code, message, cause, retryAfterMs }: AppError) {
    super(code, message, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
}

/** What the batch ended in, as `cause`, that was to try after a pause. */
class FailedTrial extends Error {
  constructor(cause: unknown) {
    super('The batch that tries after a pause failed.', { cause });
  }
}

/**
 * Sends one batch of texts to a service and gives their vectors. It may take `timeoutMs`, attempts
 * and waits included. Server errors, lost connections and "too many requests" are tried again.
 * Until `Retry-After` is over nothing is sent, by whomever; a batch that may not take as long fails
 * at once. So do all while a service that failed many times in a row is left alone (a circuit
 * breaker).
 *
 * Throws an `AppError` with code `UNAVAILABLE` and the details as its `cause`, never with the key
 * in it; when the caller's signal is aborted, the signal's reason. It has `retryAfterMs` where
 * another try makes sense, and is a `BatchRefusal` where fewer texts may do.
 */
export class OpenAiService {
  readonly #config: OpenAiEmbedderConfig;
  readonly #retry: RetryPolicy;
  readonly #url: string;
  readonly #headers: Headers;
  readonly #breaker;
  /** By `performance.now()`. */
  #retryAt = 0;

  /** `log` is told when the service is left alone, and when it answers again. */
  constructor(config: OpenAiEmbedderConfig, retry = RETRY, log?: ServiceLog) {
    this.#config = config;
    this.#retry = retry;
    this.#url = `${config.baseUrl.replace(/\/+$/, '')}/embeddings`;
    this.#headers = requestHeaders(config.apiKey);
    this.#breaker = circuitBreaker(
      // While one tries, those that began before the pause decide nothing.
      handleWhen(error =>
        this.#breaker.state === CircuitState.HalfOpen
          ? error instanceof FailedTrial
          : error instanceof Outage,
      ),
      { breaker: new ConsecutiveBreaker(retry.failuresToPause), halfOpenAfter: retry.pauseMs },
    );
    this.#breaker.onBreak(() =>
      log?.warn(
        { err: causeOf(this.#breaker.lastFailure), model: config.model, ms: retry.pauseMs },
        'The embedding service has failed repeatedly; the gateway sends it no requests ' +
          'for a moment',
      ),
    );
    this.#breaker.onReset(() =>
      log?.info({ model: config.model }, 'The embedding service answers again'),
    );
  }

  async embed(
    texts: readonly string[],
    signal?: AbortSignal,
    attempts = this.#retry.attempts,
  ): Promise<number[][]> {
    const waitMs = this.#retryAt - performance.now();
    if (waitMs >= this.#config.timeoutMs) throw retryLaterError(waitMs);
    const paused = (): AppError =>
      unavailable(
        'has failed repeatedly and gets no requests for a moment',
        causeOf(this.#breaker.lastFailure),
        this.#retry.pauseMs,
      );
    // The breaker would have them wait for the one that tries, which may take until its time is
    // over.
    if (this.#breaker.state === CircuitState.HalfOpen) throw paused();
    const isTrial = this.#breaker.state === CircuitState.Open;
    const outcome = this.#breaker.execute(() =>
      isTrial ? this.#try(texts, attempts) : this.#embedInTime(texts, attempts, signal),
    );
    try {
      const answer = await (isTrial && signal
        ? Promise.race([outcome, rejectedBy(signal)])
        : outcome);
      if ('error' in answer) throw answer.error;
      return answer.vectors;
    } catch (error) {
      if (error instanceof FailedTrial) throw error.cause;
      throw error instanceof BrokenCircuitError ? paused() : error;
    }
  }

  /**
   * After a pause: goes on when its caller goes, or else callers who do would keep the service
   * paused, or end the pause.
   */
  async #try(texts: readonly string[], attempts: number): Promise<EmbedOutcome> {
    try {
      return await this.#embedInTime(texts, attempts);
    } catch (error) {
      throw new FailedTrial(error);
    }
  }

  /**
   * What the service answered, be it a refusal. Throws where it did not answer, and the signal's
   * reason.
   */
  async #embedInTime(
    texts: readonly string[],
    attempts: number,
    signal?: AbortSignal,
  ): Promise<EmbedOutcome> {
    const deadline = AbortSignal.timeout(this.#config.timeoutMs);
    const endsAt = performance.now() + this.#config.timeoutMs;
    try {
      const answer = await this.#send(
        texts,
        endsAt,
        attempts,
        signal ? AbortSignal.any([signal, deadline]) : deadline,
      );
      if ('error' in answer) return answer;
      return vectorsIn(answer.body, texts, this.#config.dimensions, answer.excerpt);
    } catch (error) {
      signal?.throwIfAborted();
      throw deadline.aborted
        ? new Outage(unavailable('did not answer in time', error, RETRY_AFTER_MS))
        : error;
    }
  }

  /**
   * The service's answer, after as many attempts as it takes, but at most `attempts`, and `endsAt`
   * (by `performance.now()`) allows. Throws where there is none.
   */
  async #send(
    texts: readonly string[],
    endsAt: number,
    attempts: number,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const { model, sendDimensions, dimensions } = this.#config;
    const body = JSON.stringify({
      model,
      input: texts.map(withoutUnpairedSurrogates),
      encoding_format: 'float',
      ...(sendDimensions && { dimensions }),
    });
    for (let attempt = 1, rejection: AppError | undefined; ; attempt++) {
      await this.#waitUntilAllowed(endsAt, rejection, signal);
      const result = await this.#attempt(body, signal);
      if ('body' in result) return result;
      rejection = result.error;
      const wait = this.#retry.jitter() * this.#retry.firstDelayMs * 2 ** (attempt - 1);
      if (!isTransient(rejection) || attempt >= attempts || performance.now() + wait >= endsAt) {
        if (rejection instanceof Outage) throw rejection;
        return result;
      }
      await sleep(wait, undefined, { signal });
    }
  }

  /**
   * Waits while the service wants to be asked nothing. Throws where that is longer than until
   * `endsAt`.
   */
  async #waitUntilAllowed(
    endsAt: number,
    rejection: AppError | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    for (
      let left = this.#retryAt - performance.now();
      left > 0;
      left = this.#retryAt - performance.now()
    ) {
      if (this.#retryAt >= endsAt) throw rejection ?? retryLaterError(left);
      await sleep(left, undefined, { signal });
    }
  }

  /** One request. Throws only when `signal` is aborted. */
  async #attempt(body: string, signal: AbortSignal): Promise<Attempt> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: this.#headers,
        body,
        signal,
        redirect: 'manual',
      });
      const text = await response.text();
      if (!response.ok) return { error: this.#refusal(response, response.status, text) };
      return this.#read(response, text);
    } catch (error) {
      signal.throwIfAborted();
      return { error: new Outage(unavailable('cannot be reached', error, RETRY_AFTER_MS)) };
    }
  }

  /** What an answer with status 200 says: it may be an error. */
  #read(response: Response, text: string): Attempt {
    const excerpt = excerptOf(text, this.#config.apiKey);
    try {
      const body = JSON.parse(text) as unknown;
      const status = statusOfError(body);
      if (status !== undefined) return { error: this.#refusal(response, status, text) };
      return { body, excerpt };
    } catch {
      return { error: unusable('it is not JSON', excerpt) };
    }
  }

  #refusal({ headers }: Response, status: number, body: string): AppError {
    const excerpt = excerptOf(body, this.#config.apiKey);
    const cause = new Error(`${this.#url} answered with status ${status}: ${excerpt}`);
    if (status === 402 || (status === 429 && isQuotaUsedUp(body)))
      return unavailable('refuses requests because the quota of its account is used up', cause);
    const asked = readRetryAfter(headers.get('retry-after'));
    const mayPass = status >= 500 || TRANSIENT_STATUSES.includes(status);
    if (mayPass && asked !== undefined)
      this.#retryAt = Math.max(this.#retryAt, performance.now() + asked);
    const error = mayPass
      ? unavailable(
          status === 429
            ? 'has too many requests at the moment'
            : 'has an internal error at the moment',
          cause,
          asked ?? RETRY_AFTER_MS,
        )
      : unavailable('refused the request', cause);
    if (BATCH_STATUSES.includes(status)) return new BatchRefusal(status, error);
    return OUTAGE_STATUSES.includes(status) ? new Outage(error) : error;
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** What the breaker keeps of the batch that failed last. */
function causeOf(failure: { error: Error } | { value: unknown } | undefined): Error | undefined {
  if (!failure || !('error' in failure)) return undefined;
  return failure.error instanceof FailedTrial ? (failure.error.cause as Error) : failure.error;
}

/** As long as a `Retry-After` lasts. */
function retryLaterError(ms: number): AppError {
  return unavailable('has too many requests at the moment', undefined, Math.ceil(ms));
}

/** Whether the same request can succeed later. */
function isTransient(error: unknown): boolean {
  return error instanceof AppError && error.retryAfterMs !== undefined;
}
