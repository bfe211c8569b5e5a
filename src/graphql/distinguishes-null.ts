import { Extensions } from 'type-graphql';

/**
 * The key of an input field's GraphQL extensions under which it says that null is something else
 * than to leave it out.
 */
export const DISTINGUISHES_NULL = 'nullMatters';

/**
 * For a field of an input for something new in which null is not the same as an omitted value: null
 * stores nothing where an omitted value is computed. In all other fields the two are the same. The
 * use case must also say it for idempotency keys (`keyedInput` of `writes/change.ts`).
 */
export function DistinguishesNull(): MethodDecorator & PropertyDecorator {
  return Extensions({ [DISTINGUISHES_NULL]: true });
}
