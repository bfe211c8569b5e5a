import type { Pause } from '../base/compute-scheduler.js';
import { OPERATOR_ROLE, TENANT_ROLE, TENANT_SETTING } from './roles.js';

/**
 * Whose rows a transaction may touch: the role that it takes, and the tenant that the role's
 * policies ask for.
 */
export type DatabaseScope =
  { readonly role: typeof TENANT_ROLE; readonly tenantId: string } | OperatorScope;

interface OperatorScope {
  readonly role: typeof OPERATOR_ROLE;
  /** Not the operator's wish but the gateway's own. */
  readonly isGateway?: true;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function tenantScope(tenantId: string): DatabaseScope {
  if (!UUID.test(tenantId)) throw new TypeError('A tenant is named by its UUID.');
  return { role: TENANT_ROLE, tenantId };
}

/**
 * Whoever is nobody: the tenant's role without a tenant, so that policies match no row. A made-up
 * UUID in its place, the nil one included, might be a tenant's.
 */
export const NOBODY_SCOPE: DatabaseScope = { role: TENANT_ROLE, tenantId: '' };

export const OPERATOR_SCOPE: DatabaseScope = { role: OPERATOR_ROLE };

/**
 * What the gateway must know or note to serve anybody: whose a token is, how many requests are
 * left. As the operator, and before all others that wait for a connection
 * (`connection-scheduler.ts`), so that each statement must be short and wait for nothing that
 * tenants lock.
 */
export const GATEWAY_SCOPE: DatabaseScope = { role: OPERATOR_ROLE, isGateway: true };

/**
 * Settings that make a transaction the scope's own and end with it. Times come in UTC, whatever the
 * server's zone. No statement is compiled (`jit`): PostgreSQL would do so by its estimates, which
 * for functions that read words are far too high, and takes 200 ms for what runs in one.
 */
export function scopeSettings(scope: DatabaseScope): Record<string, string> {
  return {
    [TENANT_SETTING]: 'tenantId' in scope ? scope.tenantId : '',
    timezone: 'UTC',
    jit: 'off',
    role: scope.role,
  };
}

/**
 * Enters a scope in an open transaction. It holds no parameters, so that it can travel with `begin`
 * in one message; its only variable part is empty or a UUID that `tenantScope` checked. A tenant is
 * named by `set_config`: of `set local`, pg_stat_statements would keep one for each tenant.
 */
export function enterScopeSql(scope: DatabaseScope): string {
  const tenant =
    'tenantId' in scope
      ? `select set_config('${TENANT_SETTING}', '${scope.tenantId}', true)`
      : `set local ${TENANT_SETTING} = ''`;
  return `${tenant}; set local timezone = 'UTC'; set local jit = off; set local role ${scope.role}`;
}

/** What keeps one operation's statements within its time, and their rows within its memory. */
export interface OperationBounds {
  /**
   * How long a statement may take, and how long of that it may wait for what others have locked.
   */
  readonly statementMs: number;
  readonly lockMs: number;
  /** Once it is aborted no further statement is sent: asking throws its reason. */
  readonly signal: AbortSignal;
  /** Waited for before each statement of a read; undefined where it may be sent at once. */
  readonly untilReady?: () => Promise<void> | undefined;
  /**
   * Told how many bytes of rows a read receives, as they come; and before each statement, of none.
   * What it throws ends the read.
   */
  readonly onReceived?: (bytes: number) => void;
  /**
   * Where reads begin before it is known whose they are: settled once it is, and never if
   * another's. Until then nothing that they read is given to anybody.
   */
  readonly confirmed?: Promise<void> | undefined;
  /** Asked while many rows are received, and while values are made of them. */
  readonly pause?: Pause;
}

/** Settings that keep the statements of a transaction within their time. */
export function timeSettings({
  statementMs,
  lockMs,
}: Pick<OperationBounds, 'statementMs' | 'lockMs'>): Record<string, string> {
  return { statement_timeout: String(statementMs), lock_timeout: String(lockMs) };
}

/** A row of a statement that may have gone on as a tenant: as which, or null. */
export interface EnteringRow {
  readonly entered: string | null;
}

/**
 * For the select list of a statement that runs as the operator and finds out whose an operation is:
 * where `condition` holds for its row, whoever reads on in its transaction reads as that row's
 * tenant. It saves the message that would say so.
 */
export function enterTenantOfRowSql(tenantId: string, condition: string): string {
  const set = (setting: string, value: string): string =>
    `case when ${condition} then set_config('${setting}', ${value}, true) end`;
  return (
    `${set(TENANT_SETTING, `${tenantId}::text`)} as entered, ` +
    `${set('role', `'${TENANT_ROLE}'`)} as entered_role`
  );
}

/**
 * The same for a statement behind which reads of a tenant are sent before its rows are known: as a
 * select of its own, the last of a `union all`. Whatever the others find, they read as that tenant.
 */
export function enterTenantSql(parameter: string): string {
  return (
    `set_config('${TENANT_SETTING}', ${parameter}, true) || ` +
    `set_config('role', '${TENANT_ROLE}', true)`
  );
}

export function isSameScope(one: DatabaseScope, other: DatabaseScope): boolean {
  return (
    one.role === other.role &&
    ('tenantId' in one ? one.tenantId : '') === ('tenantId' in other ? other.tenantId : '')
  );
}
