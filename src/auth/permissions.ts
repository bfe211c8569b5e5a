import { ApiKeyScope, UserRole, type Principal } from './principal.js';

/** A permission that a field can require: a scope of API keys, or `operator`, which no key has. */
export type Permission = `${ApiKeyScope}` | 'owner' | 'operator';

const MEMBER: readonly Permission[] = ['read', 'search', 'ask'];
const ADMIN: readonly Permission[] = [...MEMBER, 'write', 'admin'];
const OWNER: readonly Permission[] = [...ADMIN, 'owner'];

/**
 * The table of who may do what: a user by role, a key by its scopes (which are permissions by the
 * same names), the operator everything.
 */
const PERMISSIONS_OF_ROLE: Record<UserRole, ReadonlySet<Permission>> = {
  [UserRole.MEMBER]: new Set(MEMBER),
  [UserRole.ADMIN]: new Set(ADMIN),
  [UserRole.OWNER]: new Set(OWNER),
};
const PERMISSIONS_OF_OPERATOR: ReadonlySet<Permission> = new Set<Permission>([
  ...OWNER,
  'operator',
]);
const NONE: ReadonlySet<Permission> = new Set();

/** Permissions that another one includes: a caller who writes vectors knows them. */
const INCLUDED_IN: Partial<Record<Permission, Permission>> = { vectors: 'write' };

/** Every permission that a rule can name. */
export const PERMISSIONS: readonly Permission[] = [
  ...Object.values(ApiKeyScope),
  'owner',
  'operator',
];

export function permissionsOfRole(role: UserRole): readonly Permission[] {
  return [...PERMISSIONS_OF_ROLE[role]];
}

/** The permissions among `required` that the caller does not have and so cannot grant. */
export function missingPermissions(
  principal: Principal,
  required: readonly Permission[],
): Permission[] {
  const granted = permissionsOf(principal);
  return required.filter(permission => !hasPermission(granted, permission));
}

export function hasPermission(granted: ReadonlySet<Permission>, required: Permission): boolean {
  const included = INCLUDED_IN[required];
  return granted.has(required) || (included !== undefined && granted.has(included));
}

/** Without those that another one includes. */
export function permissionsOf(principal: Principal): ReadonlySet<Permission> {
  switch (principal.kind) {
    case 'apiKey':
      return principal.scopes;
    case 'user':
      return PERMISSIONS_OF_ROLE[principal.role];
    case 'operator':
      return PERMISSIONS_OF_OPERATOR;
    case 'nobody':
      return NONE;
  }
}
