import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../db/database.js';
import { GATEWAY_SCOPE, tenantScope } from '../db/database-scope.js';
import { runInWrite, type WriteParameter } from '../db/run-in-write.js';
import type { IngestionStep } from './ingestion.enums.js';
import { CRASHED, LeaseLost, type IngestionProblem } from './ingestion-failure.js';

/**
 * How long a worker may be silent before its ingestion is taken for abandoned. It renews its lease
 * three times in this time.
 */
export const LEASE_MS = 30_000;

/** Crashes and unexpected errors until an ingestion is given up. */
const MAX_FAILURES = 5;

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 300_000;

/** An ingestion whose turn it may be. */
export interface DueIngestion {
  readonly id: string;
  readonly tenantId: string;
  readonly documentId: string;
}

/** An ingestion that belongs to a worker, until its lease ends. `attempt` is the fence. */
export interface ClaimedIngestion extends DueIngestion {
  readonly attempt: number;
  /** Before this attempt. */
  readonly failures: number;
  readonly uploadId: string | null;
  /** That of the file. */
  readonly filename: string;
  readonly contentType: string | null;
  /** That of the document, which is embedded with each chunk. */
  readonly documentName: string;
  readonly hasText: boolean;
  /** How many chunks are staged. */
  readonly staged: number;
}

/**
 * The oldest ingestion of each tenant that waits for a worker, for at most one of a tenant runs at
 * a time: whoever has sent a thousand files delays others by one. Of tenants, those that were
 * served longest ago come first. Also those that a crash has left behind: whether anybody was told
 * of an ingestion does not matter.
 */
export async function findDue(
  database: Database,
  except: readonly string[],
  limit: number,
): Promise<DueIngestion[]> {
  return database.write('dueIngestions', GATEWAY_SCOPE, em =>
    runInWrite<DueIngestion>(
      em,
      `select due.id, due.tenant_id as "tenantId", due.doc_id as "documentId"
         from (
           select distinct on (i.tenant_id) i.id, i.tenant_id, i.doc_id from ingestions i
            where (i.state = 'queued' and i.next_attempt_at <= now()
                   or i.state = 'running' and i.lease_until <= now())
              and i.tenant_id <> all($1::uuid[])
              and not exists (select from ingestions r where r.tenant_id = i.tenant_id
                                 and r.state = 'running' and r.lease_until > now())
            order by i.tenant_id, i.created_at, i.id
         ) due
        order by (select max(s.started_at) from ingestions s where s.tenant_id = due.tenant_id)
                   nulls first, due.id
        limit $2::int`,
      [except, limit],
    ),
  );
}

/**
 * Takes an ingestion for this worker; undefined where another has it, or it is over. One whose
 * workers have crashed too often is given up: `crashed`.
 */
export async function claim(
  database: Database,
  { id, tenantId, documentId }: DueIngestion,
): Promise<ClaimedIngestion | 'crashed' | undefined> {
  return database.write('claimIngestion', tenantScope(tenantId), async em => {
    if (!(await lockDocument(em, { tenantId, documentId }, 'skip locked'))) return undefined;
    const [found] = await runInWrite<{ failures: number; hasCrashed: boolean }>(
      em,
      `select failures, state = 'running' as "hasCrashed" from ingestions
        where tenant_id = $1::uuid and id = $2::uuid
          and (state = 'queued' and next_attempt_at <= now()
               or state = 'running' and lease_until <= now())
          for no key update skip locked`,
      [tenantId, id],
    );
    if (!found) return undefined;
    const failures = found.failures + Number(found.hasCrashed);
    if (failures >= MAX_FAILURES) {
      await storeFailure(em, { id, tenantId, documentId }, CRASHED);
      return 'crashed';
    }
    const [claimed] = await runInWrite<ClaimedIngestion>(
      em,
      `update ingestions i
          set state = 'running', step = case when i.text is null then 'extract' else 'chunk' end,
              attempt = i.attempt + 1, failures = $3::int, done = 0, total = 0,
              started_at = clock_timestamp(), lease_until = ${leaseEnd('$4')}
         from docs d
        where i.tenant_id = $1::uuid and i.id = $2::uuid
          and d.tenant_id = i.tenant_id and d.id = i.doc_id
       returning i.id, i.tenant_id as "tenantId", i.doc_id as "documentId", i.attempt, i.failures,
                 i.upload_id as "uploadId", i.filename, i.content_type as "contentType",
                 d.filename as "documentName", i.text is not null as "hasText",
                 (select count(*)::int from ingestion_chunks c where c.tenant_id = i.tenant_id
                     and c.ingestion_id = i.id) as staged`,
      [tenantId, id, failures, LEASE_MS],
    );
    await runInWrite(
      em,
      `update docs set status = 'processing' where tenant_id = $1::uuid and id = $2::uuid
          and status = 'pending'`,
      [tenantId, documentId],
    );
    return claimed;
  });
}

const leaseEnd = (ms: string): string => `clock_timestamp() + ${ms}::int * interval '1 ms'`;

/** Which an attempt may change: as long as it is its own. */
const IS_HELD =
  `tenant_id = $1::uuid and id = $2::uuid and attempt = $3::int and state = 'running' ` +
  'and cancelled_at is null';

const fenceOf = ({ tenantId, id, attempt }: ClaimedIngestion): WriteParameter[] => [
  tenantId,
  id,
  attempt,
];

/** Changes the row of an ingestion. Throws `LeaseLost` where it is no longer this attempt's. */
export async function updateHeld<R = object>(
  em: SqlEntityManager,
  ingestion: ClaimedIngestion,
  settings: string,
  parameters: readonly WriteParameter[] = [],
  returning = 'id',
): Promise<R> {
  const [row] = await runInWrite<R>(
    em,
    `update ingestions set ${settings} where ${IS_HELD} returning ${returning}`,
    [...fenceOf(ingestion), ...parameters],
  );
  if (!row) throw new LeaseLost(`Another one has the ingestion ${ingestion.id}.`);
  return row;
}

/** The same in a transaction of its own. */
export async function writeHeld(
  database: Database,
  ingestion: ClaimedIngestion,
  settings: string,
  parameters: readonly WriteParameter[] = [],
): Promise<void> {
  await database.write('ingestionStep', tenantScope(ingestion.tenantId), em =>
    updateHeld(em, ingestion, settings, parameters),
  );
}

export async function beginStep(
  database: Database,
  ingestion: ClaimedIngestion,
  step: IngestionStep,
): Promise<void> {
  await writeHeld(database, ingestion, 'step = $4', [step]);
}

export async function renewLease(database: Database, ingestion: ClaimedIngestion): Promise<void> {
  await writeHeld(database, ingestion, `lease_until = ${leaseEnd('$4')}`, [LEASE_MS]);
}

/** Gives an ingestion back: whoever is next begins it at once. */
export async function release(database: Database, ingestion: ClaimedIngestion): Promise<void> {
  await writeHeld(
    database,
    ingestion,
    `state = 'queued', lease_until = null, next_attempt_at = now()`,
  );
}

/**
 * Puts an ingestion back for a later attempt, and says why. What counts as a failure brings it
 * nearer to being given up: then it is, and this gives false.
 */
export async function postpone(
  database: Database,
  ingestion: ClaimedIngestion,
  problem: IngestionProblem,
  { countsAsFailure, waitMs = 0 }: { countsAsFailure: boolean; waitMs?: number | undefined },
): Promise<boolean> {
  const failures = ingestion.failures + Number(countsAsFailure);
  if (failures >= MAX_FAILURES) {
    await fail(database, ingestion, problem);
    return false;
  }
  const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(ingestion.attempt - 1, 10), LONGEST_WAIT_MS);
  await writeHeld(
    database,
    ingestion,
    `state = 'queued', lease_until = null, next_attempt_at = ${leaseEnd('$4')}, ` +
      'failures = $5::int, error_code = $6, error_message = $7, error_retryable = $8',
    [
      Math.round(Math.max(wait, waitMs)),
      failures,
      problem.code,
      problem.message,
      problem.retryable,
    ],
  );
  return true;
}

/** Gives an ingestion up. */
export async function fail(
  database: Database,
  ingestion: ClaimedIngestion,
  problem: IngestionProblem,
): Promise<void> {
  await database.write('failIngestion', tenantScope(ingestion.tenantId), async em => {
    await lockDocument(em, ingestion);
    await updateHeld(em, ingestion, 'lease_until = null');
    await storeFailure(em, ingestion, problem);
  });
}

/** The document's row is to be locked, and the ingestion's. */
async function storeFailure(
  em: SqlEntityManager,
  { id, tenantId, documentId }: DueIngestion,
  { code, message, retryable }: IngestionProblem,
): Promise<void> {
  await runInWrite(
    em,
    `update ingestions
        set state = 'failed', lease_until = null, finished_at = clock_timestamp(),
            error_code = $3, error_message = $4, error_retryable = $5
      where tenant_id = $1::uuid and id = $2::uuid`,
    [tenantId, id, code, message, retryable],
  );
  await markDocument(em, { tenantId, documentId }, message);
}

/** A document that waits for its first text will not get it, and says why. */
export async function markDocument(
  em: SqlEntityManager,
  { tenantId, documentId }: Omit<DueIngestion, 'id'>,
  message: string,
): Promise<void> {
  await runInWrite(
    em,
    `update docs set status = 'failed', error_message = $3
      where tenant_id = $1::uuid and id = $2::uuid and status in ('pending', 'processing')`,
    [tenantId, documentId, message],
  );
}

/**
 * Locks the document of an ingestion, before the ingestion's own row, as whoever deletes a document
 * does. Whether it is there.
 */
export async function lockDocument(
  em: SqlEntityManager,
  { tenantId, documentId }: Omit<DueIngestion, 'id'>,
  whenLocked: 'wait' | 'skip locked' = 'wait',
): Promise<boolean> {
  const rows = await runInWrite(
    em,
    'select id from docs where tenant_id = $1::uuid and id = $2::uuid for no key update' +
      (whenLocked === 'wait' ? '' : ` ${whenLocked}`),
    [tenantId, documentId],
  );
  return rows.length > 0;
}
