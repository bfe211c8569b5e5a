import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import { AuditEvent } from '../audit/audit-event.entity.js';
import type { AuditActor, Caller } from '../auth/caller.js';
import { auditedFields } from '../graphql/settable-fields.js';
import { insertRow } from './rows.js';

/** An entry for the audit log. */
export interface AuditEntry {
  readonly tenantId: string;
  /** The name of the use case. */
  readonly action: string;
  readonly targetType: string;
  readonly targetId?: string;
  /** Must not contain secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An event of a use case, whose name is the action. */
export type VerbEvent = Omit<AuditEntry, 'action'>;

/** What a use case states for the audit log: its events, or the reason why there are none. */
export type AuditStatement =
  | { readonly recordedFor: 'everyone' | 'operators'; readonly events: readonly VerbEvent[] }
  | { readonly notRecorded: string };

/** Recorded for every caller: changes of permissions. */
export function recorded(event: VerbEvent): AuditStatement {
  return { recordedFor: 'everyone', events: [event] };
}

/** Recorded only if the operator made the change: changes of a tenant's own content. */
export function recordedForOperators(...events: VerbEvent[]): AuditStatement {
  return { recordedFor: 'operators', events };
}

export function notRecorded(why: string): AuditStatement {
  return { notRecorded: why };
}

/** The given values of an input that say what was done. */
export function detailsOf<I extends object>(
  input: I,
  ...parts: (keyof I & string)[]
): Record<string, unknown> {
  return Object.fromEntries(
    parts.filter(part => input[part] != null).map(part => [part, input[part]]),
  );
}

/** The same for a new or changed row, with the fields that its entity declares as audited. */
export function rowDetailsOf<I extends object>(
  entity: Function,
  input: I,
  ...parts: (keyof I & string)[]
): Record<string, unknown> {
  return detailsOf(input, ...parts, ...(auditedFields(entity) as (keyof I & string)[]));
}

/** Writes the events of a use case, in the transaction of its change. */
export async function recordStatement(
  em: SqlEntityManager,
  { principal, actor }: Caller,
  verb: string,
  statement: AuditStatement,
): Promise<void> {
  if (!actor) throw new Error('Nobody changes anything.');
  if ('notRecorded' in statement) return;
  if (statement.recordedFor === 'operators' && principal.kind !== 'operator') return;
  for (const event of statement.events) await recordAudit(em, actor, { ...event, action: verb });
}

/**
 * Writes into the audit log in the transaction of the change, so that neither exists without the
 * other.
 */
export async function recordAudit(
  em: SqlEntityManager,
  actor: AuditActor,
  entry: AuditEntry,
): Promise<void> {
  await insertRow(em, AuditEvent, {
    id: v7(),
    actorKind: actor.kind,
    actorId: actor.id,
    requestId: actor.requestId,
    ...entry,
  });
}
