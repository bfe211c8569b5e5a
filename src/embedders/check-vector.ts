import { badInput } from '../base/app-error.js';
import type { Embedder } from './embedder.js';
import { STORED_DIMENSIONS } from './pad-vector.js';

/**
 * Refuses, naming `field`, a vector that a caller gave and that cannot be compared with those of
 * the model.
 */
export function checkVector(
  field: string,
  vector: readonly number[],
  { model, dimensions }: Pick<Embedder, 'model' | 'dimensions'>,
): void {
  if (vector.length !== dimensions && vector.length !== STORED_DIMENSIONS) {
    const lengths =
      dimensions === STORED_DIMENSIONS ? `${dimensions}` : `${dimensions} or ${STORED_DIMENSIONS}`;
    throw badInput(
      field,
      `${field} has ${vector.length} numbers; with the model ${model} it must have ${lengths}.`,
    );
  }
  // A loop, as in `unitVector`.
  let isZero = true;
  for (let index = 0; index < vector.length; index += 1) {
    const value = vector[index]!;
    if (!Number.isFinite(value))
      throw badInput(
        `${field}[${index}]`,
        `${field} must hold finite numbers only; the item at index ${index} is not one.`,
      );
    if (value !== 0) isZero = false;
  }
  if (isZero)
    throw badInput(
      field,
      `${field} is all zeros and cannot be compared. Send a vector with other numbers.`,
    );
}

/**
 * The direction of a vector that is finite and not all zero, with length 1. Scaled by the largest
 * number first, so that squares can neither overflow nor vanish: half precision would make
 * infinities or zeros of them.
 */
export function unitVector(vector: readonly number[]): number[] {
  // Loops by index, which take a fifth of what iterators and `map` take: every search does this to
  // some thousand numbers.
  let largest = 0;
  for (let index = 0; index < vector.length; index += 1)
    largest = Math.max(largest, Math.abs(vector[index]!));
  let squares = 0;
  for (let index = 0; index < vector.length; index += 1) squares += (vector[index]! / largest) ** 2;
  const length = Math.sqrt(squares);
  const unit = new Array<number>(vector.length);
  for (let index = 0; index < vector.length; index += 1)
    unit[index] = vector[index]! / largest / length;
  return unit;
}
