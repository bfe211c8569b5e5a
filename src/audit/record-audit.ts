import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import type { Principal } from '../auth/principal.js';
import { AuditActorKind, AuditEvent } from './audit-event.entity.js';

/** Who did something, and in which request. */
export interface AuditActor {
  readonly kind: AuditActorKind;
  readonly id?: string;
  readonly requestId?: string;
}

export interface AuditEntry {
  readonly tenantId: string;
  readonly action: string;
  readonly targetType: string;
  readonly targetId?: string;
  /** Nothing secret. */
  readonly details?: Record<string, unknown>;
}

export const COMMAND_LINE: AuditActor = { kind: AuditActorKind.COMMAND_LINE };

export function actorOf({
  principal,
  requestId,
}: {
  readonly principal: Principal;
  readonly requestId: string;
}): AuditActor {
  switch (principal.kind) {
    case 'apiKey':
      return { kind: AuditActorKind.API_KEY, id: principal.keyId, requestId };
    case 'user':
      return { kind: AuditActorKind.USER, id: principal.userId, requestId };
    case 'operator':
      return { kind: AuditActorKind.OPERATOR, requestId };
    case 'nobody':
      throw new Error('Nobody changes anything.');
  }
}

const recorded = new WeakSet<SqlEntityManager>();

/**
 * Writes into the audit log in the transaction of the change itself: there is no change without its
 * entry, and no entry without its change.
 */
export async function recordAudit(
  em: SqlEntityManager,
  actor: AuditActor,
  entry: AuditEntry,
): Promise<void> {
  recorded.add(em);
  await em.insert(AuditEvent, {
    id: v7(),
    actorKind: actor.kind,
    actorId: actor.id ?? null,
    requestId: actor.requestId ?? null,
    ...entry,
    details: entry.details ?? {},
  });
}

/** Whether a transaction has recorded something already. */
export function isRecorded(em: SqlEntityManager): boolean {
  return recorded.has(em);
}
