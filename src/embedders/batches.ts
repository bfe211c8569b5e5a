import { AppError } from '../base/app-error.js';
import { TextRefusal } from './text-refusal.js';

/** What one request may hold. One text is always sent, however long it is. */
export interface BatchLimits {
  readonly texts: number;
  /** As `estimateTokens` counts. */
  readonly tokens: number;
}

/**
 * Tokens that a model makes of a text, rather too many than too few: one for three letters or signs
 * of ASCII, one for each other character. Tokenisers make one of four letters of English, and of a
 * Chinese character one or two thirds.
 */
export function estimateTokens(text: string): number {
  const ascii = text.replace(/[^\0-\x7f]+/gu, '').length;
  const others = text.match(/[^\0-\x7f]/gu)?.length ?? 0;
  return Math.ceil(ascii / 3) + others;
}

/** The texts from `start` on that one request holds, at least one. */
export function takeBatch(
  texts: readonly string[],
  start: number,
  limits: BatchLimits,
): readonly string[] {
  let end = start + 1;
  let tokens = estimateTokens(texts[start]!);
  while (end < texts.length && end - start < limits.texts) {
    tokens += estimateTokens(texts[end]!);
    if (tokens > limits.tokens) break;
    end += 1;
  }
  return texts.slice(start, end);
}

/**
 * What a service answers to a request that holds too much, or one text that it cannot take:
 * the same request fails again, its parts may not.
 */
export class BatchRefusal extends AppError {
  constructor(
    /** HTTP status of the answer. */
    readonly status: number,
    { code, message, cause, retryAfterMs }: AppError,
  ) {
    super(code, message, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
}

export interface PartialBatches {
  readonly vectors: number[][];
  /** The batches that the service took in place of the one that it refused, largest first. */
  readonly largest: readonly string[];
}

/** Sends texts in one request, at most so many times where it fails. */
export type Send = (texts: readonly string[], attempts?: number) => Promise<number[][]>;

/**
 * The vectors of texts that were refused together as `refusal`, in halves, quarters and so on.
 * Before that a single text is sent, and another one where that is refused too: a service that
 * takes neither is at fault itself, and gets no more requests.
 *
 * Throws `refusal` for such a service, a `TextRefusal` for the first text that is refused alone,
 * and whatever else `send` throws.
 */
export async function embedHalves(
  texts: readonly string[],
  refusal: BatchRefusal,
  send: Send,
): Promise<PartialBatches> {
  let largest: readonly string[] = [];
  const takes = async (text: string): Promise<boolean> => {
    try {
      await send([text], 1);
      return true;
    } catch (error) {
      if (error instanceof BatchRefusal) return false;
      throw error;
    }
  };
  const half = async (start: number, end: number): Promise<number[][]> => {
    const part = texts.slice(start, end);
    try {
      const vectors = await send(part);
      if (part.length > largest.length) largest = part;
      return vectors;
    } catch (error) {
      if (!(error instanceof BatchRefusal)) throw error;
      if (part.length > 1) return halves(start, end);
      throw new TextRefusal(start, part[0]!, error.cause);
    }
  };
  const halves = async (start: number, end: number): Promise<number[][]> => {
    const middle = Math.ceil((start + end) / 2);
    return [...(await half(start, middle)), ...(await half(middle, end))];
  };
  if (!(await takes(texts[0]!)) && !(await takes(texts.at(-1)!))) throw refusal;
  return { vectors: await halves(0, texts.length), largest };
}
