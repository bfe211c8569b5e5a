import type { Database } from '../../db/database.js';
import type { MaintenanceSession } from '../maintenance-session.js';
import {
  SEARCH_INDEX_NAME_IN_SQL,
  searchIndexName,
  tenantOfSearchIndex,
} from '../../db/search-index-name.js';
import { compareVersions, SAFE_VECTOR_VERSION } from '../server-checks.js';

/** As many neighbours as pgvector takes by default. */
const HNSW_M = 16;
/**
 * How thoroughly they are chosen when an index is built: the better, the fewer chunks cannot be
 * reached (`docs/search-paths.md`).
 */
const BUILD_EF_CONSTRUCTION = 512;
/** And when a chunk is added later: as thoroughly would take three times as long. */
const INSERT_EF_CONSTRUCTION = 128;

/**
 * Memory that a build may take: the whole graph, or it gets several times slower. About 1.2 KB a
 * chunk.
 */
const BYTES_TO_BUILD = 1_200;
const MAX_BUILD_MEGABYTES = 1_024;
const MIN_BUILD_MEGABYTES = 64;

/** Whoever interrupts a build waits no longer for what it leaves to be dropped. */
const TIDY_SECONDS = 5;

export interface SearchIndex {
  readonly name: string;
  readonly tenantId: string;
  /** Complete, so that searches may use it. */
  readonly isValid: boolean;
  /** Built as it would be built today, to the end. */
  readonly isCurrent: boolean;
  /** Built so, and interrupted before what is added later was told to be less thorough. */
  readonly isBuilt: boolean;
  readonly bytes: number;
}

/** All indexes of `weaver search tune`, with what interrupted runs left behind. */
export async function searchIndexes({ run }: MaintenanceSession): Promise<SearchIndex[]> {
  const rows = await run<{
    name: string;
    isValid: boolean;
    options: string[] | null;
    bytes: string;
  }>(
    `select c.relname::text as name, i.indisvalid and i.indisready as "isValid",
            c.reloptions as options, pg_relation_size(c.oid)::text as bytes
       from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = 'doc_chunks'::regclass and c.relname ~ '${SEARCH_INDEX_NAME_IN_SQL}'
      order by c.relname`,
  );
  return rows.map(({ name, isValid, options, bytes }) => ({
    name,
    tenantId: tenantOfSearchIndex(name),
    isValid,
    isCurrent: isMade(options, INSERT_EF_CONSTRUCTION),
    isBuilt: isMade(options, BUILD_EF_CONSTRUCTION),
    bytes: Number(bytes),
  }));
}

function isMade(options: readonly string[] | null, efConstruction: number): boolean {
  return [`m=${HNSW_M}`, `ef_construction=${efConstruction}`].every(option =>
    options?.includes(option),
  );
}

/** The last step of a build that was interrupted after the server had made the index. */
export async function finishSearchIndex(
  session: MaintenanceSession,
  tenantId: string,
): Promise<void> {
  await setEfConstruction(session, tenantId, INSERT_EF_CONSTRUCTION);
}

/**
 * Builds a tenant's index while others go on reading and writing. What it leaves when it fails is
 * not valid, or not current.
 */
export async function createSearchIndex(
  session: MaintenanceSession,
  tenantId: string,
  chunks: number,
): Promise<void> {
  await prepareBuild(session, chunks);
  // The tenant's id comes from an index's name or from the database, never from outside; a
  // parameter cannot stand here.
  await session.run(
    `create index concurrently ${searchIndexName(tenantId)} on doc_chunks ` +
      `using hnsw (embedding_bq bit_hamming_ops) with (m = ${HNSW_M}, ef_construction ` +
      `= ${BUILD_EF_CONSTRUCTION}) where tenant_id = '${tenantId}'`,
  );
  await setEfConstruction(session, tenantId, INSERT_EF_CONSTRUCTION);
}

export async function rebuildSearchIndex(
  session: MaintenanceSession,
  tenantId: string,
  chunks: number,
): Promise<void> {
  await prepareBuild(session, chunks);
  await setEfConstruction(session, tenantId, BUILD_EF_CONSTRUCTION);
  await session.run(`reindex index concurrently ${searchIndexName(tenantId)}`);
  await setEfConstruction(session, tenantId, INSERT_EF_CONSTRUCTION);
}

/**
 * Neither reads nor writes wait for it: pgvector's options are set under a `SHARE UPDATE EXCLUSIVE`
 * lock.
 */
async function setEfConstruction(
  { run }: MaintenanceSession,
  tenantId: string,
  efConstruction: number,
): Promise<void> {
  await run(`alter index ${searchIndexName(tenantId)} set (ef_construction = ${efConstruction})`);
}

/**
 * Takes away what builds of a tenant's index have left, as far as that is possible at once, and
 * gives the names of what is still there.
 */
export async function dropUnfinished(
  session: MaintenanceSession,
  tenantId: string,
): Promise<string[]> {
  await session.run(`set statement_timeout = '${TIDY_SECONDS}s'`);
  const unfinished = async (): Promise<string[]> =>
    (await searchIndexes(session))
      .filter(index => index.tenantId === tenantId && !index.isValid)
      .map(({ name }) => name);
  for (const name of await unfinished()) await dropSearchIndex(session, name).catch(() => {});
  return unfinished();
}

export async function dropSearchIndex({ run }: MaintenanceSession, name: string): Promise<void> {
  await run(`drop index concurrently if exists "${name}"`);
}

async function prepareBuild({ run }: MaintenanceSession, chunks: number): Promise<void> {
  const [version] = await run<{ version: string }>(
    `select extversion as version from pg_extension where extname = 'vector'`,
  );
  if (compareVersions(version!.version, SAFE_VECTOR_VERSION) < 0)
    await run('set max_parallel_maintenance_workers = 0');
  const megabytes = Math.min(
    MAX_BUILD_MEGABYTES,
    Math.max(MIN_BUILD_MEGABYTES, Math.ceil((chunks * BYTES_TO_BUILD) / 2 ** 20)),
  );
  await run(`set maintenance_work_mem = '${megabytes}MB'`);
}

/**
 * How far a build of a session is: PostgreSQL's own words, and a share from 0 to 1 where it knows
 * one.
 */
export interface BuildProgress {
  readonly phase: string;
  readonly share: number | undefined;
}

/** undefined where that session builds nothing at the moment. */
export async function buildProgress(
  database: Database,
  pid: number,
): Promise<BuildProgress | undefined> {
  const rows = await database.orm.em
    .getDriver()
    .getConnection()
    .execute<{ phase: string; share: number | null }[]>(
      `select phase, coalesce(blocks_done::float8 / nullif(blocks_total, 0),
                              tuples_done::float8 / nullif(tuples_total, 0)) as share
         from pg_stat_progress_create_index where pid = ${pid}`,
    );
  const [row] = rows;
  return row && { phase: row.phase, share: row.share ?? undefined };
}
