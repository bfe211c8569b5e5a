import { hasPermission, permissionsOf, type Permission } from '../../auth/permissions.js';
import type { Principal } from '../../auth/principal.js';
import { AppError } from '../../base/app-error.js';

/** What an operation asks of its caller. */
export interface OperationRules {
  /** Schema coordinate and permissions of each field that has a rule. */
  readonly fields: readonly {
    readonly coordinate: string;
    readonly anyOf: readonly Permission[];
  }[];
  /** Whether anything beyond introspection is selected. */
  readonly readsData: boolean;
  readonly introspects: boolean;
}

/**
 * Why a caller may not have an operation: each field that it selects must be open to them. `kind`:
 * query, mutation or subscription.
 */
export function permissionProblem(
  rules: OperationRules,
  principal: Principal,
  kind: string,
  openIntrospection: boolean,
): AppError | undefined {
  if (principal.kind === 'operator') return undefined;
  if (principal.kind === 'nobody') {
    if (rules.readsData)
      return new AppError(
        'UNAUTHENTICATED',
        `This ${kind} needs a token: send "Authorization: Bearer <API key>".`,
      );
    return rules.introspects && !openIntrospection
      ? new AppError(
          'UNAUTHENTICATED',
          'Only callers with a token can read the schema: send "Authorization: Bearer <API key>".',
        )
      : undefined;
  }
  const permissions = permissionsOf(principal);
  const deniedField = rules.fields.find(
    field => !field.anyOf.some(permission => hasPermission(permissions, permission)),
  );
  if (!deniedField) return undefined;
  const { coordinate, anyOf } = deniedField;
  return new AppError('FORBIDDEN', `${coordinate} ${requirement(anyOf, principal)}.`, {
    field: coordinate,
  });
}

function requirement(
  anyOf: readonly Permission[],
  principal: Exclude<Principal, { kind: 'nobody' }>,
): string {
  const scopes = anyOf
    .filter(permission => permission !== 'owner' && permission !== 'operator')
    .map(scope => scope.toUpperCase());
  if (scopes.length === 0)
    return anyOf.includes('owner')
      ? "is only for the tenant's owners and the operator"
      : 'is only for the operator';
  const names = scopes.join(' or ');
  return principal.kind === 'user'
    ? `needs the permission ${names}, which the role ${principal.role.toUpperCase()} does not have`
    : `needs the scope ${names}, which this API key does not have`;
}
