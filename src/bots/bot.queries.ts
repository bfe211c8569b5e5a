import type { OperationReads } from '../db/operation-reads.js';
import { fixedStatement } from '../db/statement.js';

const OLDEST_BOT = fixedStatement(
  'oldestBot',
  'select id from bots where tenant_id = $1 order by created_at, id limit 1',
);

/** The id of the bot that a tenant has had longest; null for a tenant that has been deleted. */
export async function oldestBotId(reads: OperationReads, tenantId: string): Promise<string | null> {
  const [bot] = await reads.query<{ id: string }>(OLDEST_BOT, [tenantId]);
  return bot?.id ?? null;
}
