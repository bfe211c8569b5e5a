/**
 * Length of every vector in the database. The columns are `halfvec(1536)`, so that changing the
 * model needs no migration.
 */
export const STORED_DIMENSIONS = 1536;

/**
 * The vector with zeros at its end, `toDimensions` long. The cosine similarity of two vectors
 * padded alike is that of the vectors themselves. Throws a `RangeError` for a longer vector:
 * cutting it would change its similarities.
 */
export function padVector(vector: readonly number[], toDimensions = STORED_DIMENSIONS): number[] {
  if (vector.length > toDimensions)
    throw new RangeError(
      `A vector of ${vector.length} numbers does not fit into ${toDimensions} dimensions.`,
    );
  return [...vector, ...new Array<number>(toDimensions - vector.length).fill(0)];
}

/**
 * The vector as text that pgvector reads, such as `[0.5,-0.25,0]`, with 8 decimals: `halfvec` tells
 * numbers apart by 6e-8 at best, and the text is half as long as with all digits (17 KB for 1536
 * numbers, 0.25 ms). Throws a `RangeError` for a number that is not finite: PostgreSQL would refuse
 * it later.
 */
export function toVectorLiteral(vector: readonly number[]): string {
  return `[${vector.map(decimal).join(',')}]`;
}

function decimal(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`A vector cannot hold ${value}.`);
  return value === 0 ? '0' : value.toFixed(8);
}
