import { Extensions } from 'type-graphql';
import type { Permission } from './permissions.js';

/** The key of the rule in a field's GraphQL extensions. */
export const RULE = 'requires';

/**
 * Says which permissions open a field: any one of them does. Every field that reads anything beyond
 * its own object has a rule; it is checked once for an operation, before anything runs
 * (`graphql/operation/permission-problem.ts`), so that it costs nothing for each row.
 */
export function Requires(...anyOf: Permission[]): MethodDecorator & PropertyDecorator {
  return Extensions({ [RULE]: anyOf });
}
