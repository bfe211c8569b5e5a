import type { BeforeCommit } from '../graphql/context.js';
import { lockedTenant } from '../graphql/locked-row.js';
import { actorOf, isRecorded, recordAudit } from './record-audit.js';

/** Parts of inputs that tell what was done and hold nothing of what tenants write. */
const TOLD = ['id', 'tenantId', 'botId', 'documentId', 'name', 'planTier', 'filename'];

/** Records whatever the operator changes, unless the mutation has recorded more of it itself. */
export const recordOperator: BeforeCommit = async (em, { mutation, input, outcome, context }) => {
  if (context.principal.kind !== 'operator' || isRecorded(em)) return;
  const {
    tenantId = lockedTenant(em),
    id,
    deletedId,
  } = outcome as { tenantId?: string; id?: string; deletedId?: string };
  if (tenantId === undefined)
    throw new Error(
      `${mutation} does not tell whose rows it changed, so that it cannot be recorded.`,
    );
  // What is to be deleted is named in `confirm`; the log is where that name is found afterwards.
  const { confirm, name = confirm } = input as { confirm?: string; name?: string };
  const details = Object.fromEntries(
    Object.entries({ ...input, name }).filter(
      ([part, value]) => TOLD.includes(part) && value != null,
    ),
  );
  const target = id ?? deletedId;
  await recordAudit(em, actorOf(context), {
    tenantId,
    action: mutation,
    targetType: typeIn(mutation),
    ...(target !== undefined && { targetId: target }),
    details,
  });
};

/** `Bot` for `createBot`; chunks are many at a time. */
function typeIn(mutation: string): string {
  return mutation.replace(/^[a-z]+/, '').replace(/^Chunks$/, 'DocumentChunk');
}
