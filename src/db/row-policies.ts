import type { PolicyDef } from '@mikro-orm/core';
import { OPERATOR_ROLE, TENANT_ROLE, TENANT_SETTING } from './roles.js';

const currentTenant = `nullif(current_setting('${TENANT_SETTING}'::text, true), ''::text)::uuid`;

/**
 * The second wall: entity options that enable and force row-level security. `weaver_tenant` meets
 * only rows whose `tenantColumn` is the tenant of its transaction, `weaver_operator` meets all; any
 * other role, the owner included, none.
 */
export function tenantPolicies(tenantColumn: 'id' | 'tenant_id'): {
  rowLevelSecurity: 'force';
  policies: PolicyDef[];
} {
  const ofTenant = `${tenantColumn} = ${currentTenant}`;
  return {
    rowLevelSecurity: 'force',
    policies: [
      { name: 'tenant_isolation', roles: [TENANT_ROLE], using: ofTenant, check: ofTenant },
      { name: 'operator_all', roles: [OPERATOR_ROLE], using: 'true', check: 'true' },
    ],
  };
}

/**
 * Entity option of the tables with `updated_at`: any writer, whatever its program, gets the column
 * right. `when` says which updates count.
 */
export function touchTrigger(
  table: string,
  when?: string,
): { timing: 'before'; events: ['update']; name: string; expression: string } {
  const name = `${table}_touch_updated_at`;
  return {
    name,
    timing: 'before',
    events: ['update'],
    expression:
      `create trigger ${name} before update on ${table} ` +
      `for each row ${when === undefined ? '' : `when (${when}) `}execute function ` +
      'weaver_touch_updated_at()',
  };
}
