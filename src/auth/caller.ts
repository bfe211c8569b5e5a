import type { Principal } from './principal.js';

/** What kind of caller did something, as the audit log stores it. */
export enum AuditActorKind {
  API_KEY = 'api_key',
  USER = 'user',
  OPERATOR = 'operator',
  COMMAND_LINE = 'command_line',
}

/** Who did something, and in which request. */
export interface AuditActor {
  readonly kind: AuditActorKind;
  readonly id?: string;
  readonly requestId?: string;
}

/** On whose behalf a use case runs, over HTTP or at the command line. */
export interface Caller {
  readonly principal: Principal;
  /**
   * The tenant that every statement must filter by; undefined for the operator, who names tenants
   * in the input.
   */
  readonly tenantId: string | undefined;
  /**
   * The caller as the audit log names them; undefined for a request without a token, which may
   * change nothing.
   */
  readonly actor: AuditActor | undefined;
  /**
   * Aborted when the client has disconnected or the time limit is reached. After that, nothing may
   * be changed.
   */
  readonly signal: AbortSignal;
}

/** Somebody at the command line, beside the gateway, who may do what the operator may. */
export const COMMAND_LINE: Caller = {
  principal: { kind: 'operator' },
  tenantId: undefined,
  actor: { kind: AuditActorKind.COMMAND_LINE },
  signal: new AbortController().signal,
};

/** Whoever sent a request. `tenantId` is that of the database scope under which they read. */
export function requestCaller({
  principal,
  tenantId,
  requestId,
  signal,
}: Pick<Caller, 'principal' | 'tenantId' | 'signal'> & { readonly requestId: string }): Caller {
  return { principal, tenantId, actor: actorOf(principal, requestId), signal };
}

function actorOf(principal: Principal, requestId: string): AuditActor | undefined {
  switch (principal.kind) {
    case 'apiKey':
      return { kind: AuditActorKind.API_KEY, id: principal.keyId, requestId };
    case 'user':
      return { kind: AuditActorKind.USER, id: principal.userId, requestId };
    case 'operator':
      return { kind: AuditActorKind.OPERATOR, requestId };
    case 'nobody':
      return undefined;
  }
}
