import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import { AuditEvent } from '../audit/audit-event.entity.js';
import type { AuditActor, Caller } from '../auth/caller.js';
import { auditedFields } from '../graphql/settable-fields.js';
import { insertRow } from './rows.js';

/** What was done to a tenant, as the audit log keeps it. */
export interface AuditEntry {
  readonly tenantId: string;
  /** The name of the verb. */
  readonly action: string;
  readonly targetType: string;
  readonly targetId?: string;
  /** Nothing secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An event of a verb, whose name is the action. */
export type VerbEvent = Omit<AuditEntry, 'action'>;

/** What a verb states of one run of its for the audit log: its events, or why there is none. */
export type AuditStatement =
  | { readonly recordedFor: 'everyone' | 'operators'; readonly events: readonly VerbEvent[] }
  | { readonly notRecorded: string };

/** Recorded whoever did it: what decides who may do what. */
export function recorded(event: VerbEvent): AuditStatement {
  return { recordedFor: 'everyone', events: [event] };
}

/** Recorded if it is the operator who did it: a tenant's own content is its own business. */
export function recordedForOperators(...events: VerbEvent[]): AuditStatement {
  return { recordedFor: 'operators', events };
}

export function notRecorded(why: string): AuditStatement {
  return { notRecorded: why };
}

/** The parts of an input that tell what was done, as far as they are given. */
export function detailsOf<I extends object>(
  input: I,
  ...parts: (keyof I & string)[]
): Record<string, unknown> {
  return Object.fromEntries(
    parts.filter(part => input[part] != null).map(part => [part, input[part]]),
  );
}

/** The same of a row that was made or changed, with what its entity declares as audited. */
export function rowDetailsOf<I extends object>(
  entity: Function,
  input: I,
  ...parts: (keyof I & string)[]
): Record<string, unknown> {
  return detailsOf(input, ...parts, ...(auditedFields(entity) as (keyof I & string)[]));
}

/** Writes what a verb states, in the transaction of the change. */
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
 * Writes into the audit log in the transaction of the change itself: there is no change without its
 * entry, and no entry without its change.
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
