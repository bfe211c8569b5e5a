import type { GraphQLResolveInfo } from 'graphql';
import { Extensions } from 'type-graphql';

/** The key of the batch resolver in a field's GraphQL extensions. */
export const BATCH = 'batch';

/**
 * Resolves a field for all parents of a level in one call: one value, or the error of its own, for
 * each, in the parents' order.
 */
export type BatchResolver = (
  parents: readonly unknown[],
  args: object,
  context: unknown,
  info: GraphQLResolveInfo,
) => PromiseLike<readonly unknown[]> | readonly unknown[];

/**
 * Says that the method behind a field is such a resolver: its root is the array of the parents.
 * What it says of its type is of one value.
 */
export function Batch(): MethodDecorator & PropertyDecorator {
  return Extensions({ [BATCH]: true });
}
