import type { Database } from '../../db/database.js';
import { tenantScope } from '../../db/database-scope.js';
import type { OperationReads } from '../../db/operation-reads.js';
import { statement } from '../../db/statement.js';
import type { Embedder } from '../../embedders/embedder.js';
import { choosePaths } from '../../search/paths/choose-paths.js';
import { CODES_PATH } from '../../search/paths/codes-path.js';
import { EXACT_PATH } from '../../search/paths/exact-path.js';
import { HNSW_PATH } from '../../search/paths/hnsw-path.js';
import type { VectorPath } from '../../search/paths/vector-path.js';
import { tenantsWithSearchIndex } from '../../search/paths/indexed-tenants.js';
import { QueryVector } from '../../search/query-vector.js';
import { searchServices } from '../../search/search-services.js';
import { searchVectors } from '../../search/vector-search.js';

export interface RecallOptions {
  /** Vectors to compare by, at most. */
  readonly samples: number;
  /** How many of the nearest count. */
  readonly topK: number;
}

interface PathRecall {
  /** A path alone, without the check that follows it; `served`: what a search gives. */
  readonly path: string;
  /** Mean share of the true nearest that were found. */
  readonly recall: number;
  /**
   * Share of the answers that a chunk could be missing from, as the check has it: there the next
   * path follows, in the end the exact scan.
   */
  readonly uncertain: number;
  readonly medianMs: number;
}

export interface RecallReport {
  readonly tenantId: string;
  /** Chunks with a vector. */
  readonly chunks: number;
  readonly topK: number;
  readonly samples: number;
  /**
   * Where the vectors come from: the latest logged queries, or the tenant's own chunks where none
   * is logged.
   */
  readonly source: 'queries' | 'chunks';
  readonly paths: readonly PathRecall[];
  /**
   * How many of the nearest by code would have to be compared exactly to find 99 % of the true
   * nearest; null where there is nothing to find.
   */
  readonly depthFor99: number | null;
}

interface Sample {
  readonly vector: QueryVector;
  /** The chunk whose vector it is: it is not to be found. */
  readonly exceptId: string | undefined;
}

/**
 * What the ways to search a tenant find of its true nearest, which an exact scan of all its chunks
 * tells. Takes as long as that does for each sample. Logged queries that are stored without a
 * vector are embedded; throws as `embedder` does.
 */
export async function measureRecall(
  database: Database,
  embedder: Embedder,
  tenantId: string,
  { samples: count, topK }: RecallOptions,
): Promise<RecallReport> {
  const openReads = (): OperationReads => database.reads(tenantScope(tenantId));
  const [size] = await openReads().query<{ chunks: number }>(SIZE, [tenantId]);
  const { source, samples } = await takeSamples(openReads, embedder, tenantId, count);
  const isIndexed = (await tenantsWithSearchIndex(openReads())).has(tenantId);
  const pathsToMeasure = new Map<string, readonly VectorPath[]>([
    ['codes', [CODES_PATH]],
    ...(isIndexed ? [['hnsw', [HNSW_PATH]] as const] : []),
    ['served', await choosePaths(searchServices(), openReads(), { tenantId }, { exact: false })],
  ]);

  const found = new Map(
    Array.from(pathsToMeasure.keys(), way => [
      way,
      { shares: [] as number[], uncertain: 0, times: [] as number[] },
    ]),
  );
  const depths: number[] = [];
  for (const { vector, exceptId } of samples) {
    const find = (paths: readonly VectorPath[]) =>
      searchVectors(
        openReads(),
        paths,
        {
          vector,
          filter: { tenantId, exceptId },
          maxHits: topK,
          hitsBefore: 0,
          after: undefined,
          minSimilarity: undefined,
        },
        { columns: 't.id', highlight: false, contextHighlight: false, withCount: false },
      );
    const nearest = (await find([EXACT_PATH])).hits.map(({ id }) => id);
    if (nearest.length === 0) continue;
    for (const [way, paths] of pathsToMeasure) {
      const result = found.get(way)!;
      const startedAt = performance.now();
      const { hits, certain, path } = await find(paths);
      result.times.push(performance.now() - startedAt);
      const ids = new Set(hits.map(({ id }) => id));
      result.shares.push(nearest.filter(id => ids.has(id)).length / nearest.length);
      if (!certain || path !== paths[0]!.path) result.uncertain += 1;
    }
    depths.push(
      ...(await openReads().query<{ depth: number }>(DEPTHS, [vector, tenantId, nearest])).map(
        ({ depth }) => depth,
      ),
    );
  }
  const paths = Array.from(found, ([path, { shares, uncertain, times }]) => ({
    path,
    recall: mean(shares),
    uncertain: uncertain / Math.max(1, shares.length),
    medianMs: quantile(times, 0.5) ?? 0,
  }));
  return {
    tenantId,
    chunks: size!.chunks,
    topK,
    samples: found.get('served')!.shares.length,
    source,
    paths,
    depthFor99: quantile(depths, 0.99) ?? null,
  };
}

const SIZE = statement(
  'recallSize',
  'select count(embedding_bq)::int as chunks from doc_chunks where tenant_id = $1',
);

const LOGGED = statement(
  'recallLogged',
  'select query as text, query_embedding::text as vector from bot_queries ' +
    'where tenant_id = $1 order by created_at desc, id limit $2',
);
const STORED = statement(
  'recallStored',
  `select c.id, c.embedding::text as vector from doc_chunks c
    where c.tenant_id = $1
      and c.id in (select id from doc_chunks
                    where tenant_id = $1 and embedding_bq is not null
                    order by random() limit $2)`,
);

/** The places of the true nearest among all of the tenant's chunks, ordered by their codes. */
const DEPTHS = statement(
  'recallDepths',
  `select depth from (
     select id, rank() over (
              order by embedding_bq <~> (select binary_quantize($1::halfvec(1536))::bit(1536)), id
            )::int as depth
       from doc_chunks where tenant_id = $2::uuid and embedding_bq is not null) ranked
    where id = any($3::uuid[])`,
);

async function takeSamples(
  openReads: () => OperationReads,
  embedder: Embedder,
  tenantId: string,
  count: number,
): Promise<Pick<RecallReport, 'source'> & { samples: Sample[] }> {
  const logged = await openReads().query<{ text: string; vector: string | null }>(LOGGED, [
    tenantId,
    count,
  ]);
  if (logged.length > 0) {
    // After the transaction, which must not wait for a service.
    const texts = [
      ...new Set(logged.filter(({ vector }) => vector === null).map(({ text }) => text)),
    ];
    const embedded = await embedder.embed(texts, { inputType: 'query' });
    const made = new Map(texts.map((text, index) => [text, embedded[index]!]));
    return {
      source: 'queries',
      samples: logged.flatMap(({ text, vector }) =>
        sampleOf(made.get(text) ?? parseVector(vector!)),
      ),
    };
  }
  const stored = await openReads().query<{ id: string; vector: string }>(STORED, [tenantId, count]);
  return {
    source: 'chunks',
    samples: stored.flatMap(({ id, vector }) => sampleOf(parseVector(vector), id)),
  };
}

function parseVector(vector: string): number[] {
  return JSON.parse(vector) as number[];
}

/** None of a vector of zeros, which has no direction. */
function sampleOf(numbers: readonly number[], exceptId?: string): Sample[] {
  return numbers.some(number => number !== 0)
    ? [{ vector: QueryVector.of(numbers), exceptId }]
    : [];
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 1 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function quantile(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
}
