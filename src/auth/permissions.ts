import { ApiKeyScope, UserRole, type Principal } from './principal.js';

/** What fields can ask of whoever selects them: a key's scopes, and what no key has. */
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

/** Permissions that another one includes: whoever writes vectors knows them. */
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

/** Which of these the caller has not, and so cannot give: nobody gives more than they have. */
export function lacking(principal: Principal, wanted: readonly Permission[]): Permission[] {
  const own = permissionsOf(principal);
  return wanted.filter(permission => !has(own, permission));
}

export function has(own: ReadonlySet<Permission>, wanted: Permission): boolean {
  const including = INCLUDED_IN[wanted];
  return own.has(wanted) || (including !== undefined && own.has(including));
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
