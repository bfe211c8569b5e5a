import { fixedStatement } from '../db/statement.js';

/** The bot of a tenant that was there first. */
export const OLDEST_BOT = fixedStatement(
  'oldestBot',
  'select id from bots where tenant_id = $1 order by created_at, id limit 1',
);
