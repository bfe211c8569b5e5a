import { Extensions } from 'type-graphql';

/**
 * The key of an input field's GraphQL extensions under which it says that null is something else
 * than to leave it out.
 */
export const DISTINGUISHES_NULL = 'nullMatters';

/**
 * Says so of a field of something new: null for none, where something is made when it is left out.
 * Everywhere else the two are the same. The use case says so too, of what an idempotency key stands
 * for (`keyedInput` of `writes/change.ts`).
 */
export function DistinguishesNull(): MethodDecorator & PropertyDecorator {
  return Extensions({ [DISTINGUISHES_NULL]: true });
}
