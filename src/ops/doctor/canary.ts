import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 } from 'uuid';
import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE } from '../../db/database-scope.js';
import { fail, ok, type Finding } from './finding.js';
import { walledTables, type WalledTable } from './walls.js';
import { TENANT_ROLE, TENANT_SETTING } from '../../db/roles.js';
import { runInWrite } from '../../db/run-in-write.js';

const HINT =
  'Correct the policies and grants that are named above. If none is, "npx weaver db check" shows ' +
  'how they differ from what the migrations make.';
const ROLL_BACK = new Error('Nothing is kept of a canary.');

/**
 * Puts a tenant with a bot and a document into a transaction and tries, as another tenant, to see,
 * change, delete and add to what is the first one's. What policies say is read elsewhere; this is
 * what they do. All of it is rolled back.
 */
export async function tryCanary(database: Database): Promise<Finding> {
  let violations: string[] = [];
  await database
    .write('doctorCanary', OPERATOR_SCOPE, async em => {
      const [canary, otherTenant] = [v7(), v7()];
      for (const id of [canary, otherTenant])
        await runInWrite(em, 'insert into tenants (id, name) values ($1::uuid, $2)', [
          id,
          'Weaver doctor',
        ]);
      await runInWrite(
        em,
        `insert into docs (tenant_id, filename, size_bytes) values ($1::uuid, 'canary', 1)`,
        [canary],
      );
      await runInWrite(
        em,
        `select set_config('role', '${TENANT_ROLE}', true), ` +
          `set_config('${TENANT_SETTING}', $1, true)`,
        [otherTenant],
      );
      violations = await attemptAll(em, walledTables(database), canary);
      throw ROLL_BACK;
    })
    .catch(error => {
      if (error !== ROLL_BACK) throw error;
    });
  if (violations.length > 0)
    return fail(
      `As one tenant, the role ${TENANT_ROLE} can ${violations.join(', ')} of another.`,
      HINT,
    );
  return ok(
    `As one tenant, the role ${TENANT_ROLE} can neither see nor change nor add anything of another`,
  );
}

/** What could be done to the canary, in words. */
async function attemptAll(
  em: SqlEntityManager,
  tables: readonly WalledTable[],
  canary: string,
): Promise<string[]> {
  const violations: string[] = [];
  const attempt = async (what: string, sql: string): Promise<void> => {
    if (await succeeds(em, sql, canary)) violations.push(what);
  };
  for (const { table, tenantColumn } of tables) {
    const otherRows = `from ${table} where ${tenantColumn} = $1::uuid`;
    await attempt(`see rows in ${table}`, `select 1 ${otherRows}`);
    await attempt(`delete rows in ${table}`, `delete ${otherRows} returning 1`);
  }
  await attempt(
    'rename the tenant',
    `update tenants set name = 'Taken' where id = $1::uuid returning 1`,
  );
  await attempt(
    'change rows in bots',
    `update bots set name = 'Taken' where tenant_id = $1::uuid returning 1`,
  );
  await attempt(
    'add rows to bots',
    `insert into bots (tenant_id, name) values ($1::uuid, 'Planted') returning 1`,
  );
  return violations;
}

/**
 * Whether a statement gave any row. It may be refused: then the transaction goes on as if it had
 * not been sent.
 */
async function succeeds(em: SqlEntityManager, sql: string, canary: string): Promise<boolean> {
  await runInWrite(em, 'savepoint canary');
  try {
    const rows = await runInWrite(em, sql, [canary]);
    return rows.length > 0;
  } catch {
    return false;
  } finally {
    await runInWrite(em, 'rollback to savepoint canary');
  }
}
