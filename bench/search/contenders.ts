import { Client } from 'pg';
import { Database } from '../../src/db/database.js';
import { tenantScope } from '../../src/db/database-scope.js';
import { ReadModels } from '../../src/db/read-model.js';
import { PreparedStatements } from '../../src/db/prepared-statements.js';
import type { Statement } from '../../src/db/statement.js';
import { DocumentChunk } from '../../src/chunks/chunk.entity.js';
import { ENTITIES } from '../../src/entities.js';
import { choosePaths } from '../../src/search/paths/choose-paths.js';
import { QueryVector } from '../../src/search/query-vector.js';
import { searchServices } from '../../src/search/search-services.js';
import { searchVectors } from '../../src/search/vector-search.js';
import { conditionsOf, type Question } from './questions.js';
import { postgresAt } from '../../test/support/postgres-at.js';

/**
 * A way to answer questions by SQL. `search` may be called by as many callers at the same time as
 * there are connections, each with its own number.
 */
export interface Contender {
  readonly name: string;
  /** The ids found, the nearest first. */
  search(connection: number, question: Question, topK: number): Promise<string[]>;
  close(): Promise<void>;
}

export const FLOOR = 'select 1';
export const ORIGINAL = 'original';
export const REPAIRED = 'repaired';
export const EXACT_ORIGINAL = 'exact, original';
export const EXACT = 'exact, vector';
export const EXACT_HALF = 'exact, halfvec';
export const STATEMENT = 'Weaver, statement';
export const OURS = 'Weaver, SQL';

const SESSION = {
  [ORIGINAL]: `set hnsw.ef_search = 40`,
  [REPAIRED]: `set hnsw.ef_search = 200; set hnsw.iterative_scan = relaxed_order`,
  [EXACT_ORIGINAL]: '',
  [EXACT]: '',
  [EXACT_HALF]: '',
} as const;

/** All contenders, each with connections of its own. */
export async function openContenders(
  adminUrl: string,
  gatewayUrl: string,
  connections: number,
): Promise<Contender[]> {
  const plain = async (
    name: keyof typeof SESSION,
    sql: (filter: string) => string,
  ): Promise<Contender> => {
    const clients = await connect(adminUrl, connections, SESSION[name]);
    return {
      name,
      async search(connection, question, topK) {
        const { sql: filter, values } = conditionsOf(question.filter, 4);
        const { rows } = await clients[connection]!.query<{ id: string }>(sql(filter), [
          literalOf(question),
          question.tenantId,
          topK,
          ...values,
        ]);
        return rows.map(({ id }) => id);
      },
      close: () => closeAll(clients),
    };
  };
  return [
    await floor(adminUrl, connections),
    await plain(ORIGINAL, filter => originalSql('original_chunks', filter)),
    await plain(REPAIRED, filter => originalSql('repaired_chunks', filter)),
    await plain(EXACT_ORIGINAL, filter => originalSql('original_chunks', filter, ' + 0')),
    await plain(EXACT, filter => exactSql('original_chunks', 'vector', filter)),
    await plain(EXACT_HALF, filter => exactSql('doc_chunks', 'halfvec', filter)),
    await statementAlone(adminUrl, connections),
    await ours(gatewayUrl, connections),
  ];
}

const originalSql = (table: string, filter: string, noIndex = ''): string =>
  `select id, text, 1 - (embedding <=> $1) as similarity from ${table} ` +
  `where tenant_id = $2${filter} order by (embedding <=> $1)${noIndex} limit $3`;

/**
 * The distance is computed once, and the vector read once: a scan that is as good as it gets. `+ 0`
 * keeps it a scan.
 */
const exactSql = (table: string, type: string, filter: string): string =>
  `select id, text, 1 - d as similarity from (
     select id, text, (embedding <=> (select $1::${type}(1536))) + 0 as d from ${table}
       where tenant_id = $2${filter} order by d limit $3) s order by d`;

async function connect(url: string, count: number, setup: string): Promise<Client[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      if (setup) await client.query(setup);
      return client;
    }),
  );
}

async function closeAll(clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.map(client => client.end()));
}

async function floor(adminUrl: string, connections: number): Promise<Contender> {
  const clients = await connect(adminUrl, connections, '');
  return {
    name: FLOOR,
    async search(connection) {
      await clients[connection]!.query({ name: 'floor', text: 'select 1' });
      return [];
    },
    close: () => closeAll(clients),
  };
}

/**
 * As the original's programs send a vector: as text, written anew for each search, as the gateway
 * halves it anew.
 */
function literalOf({ vector }: Question): string {
  return JSON.stringify(vector);
}

const services = searchServices();

/** Whose rows `choosePaths` and `searchVectors` read. */
type Reads = Parameters<typeof searchVectors>[0];

/** The paths and the statement that the gateway chooses, sent by `reads`. */
async function searchBy(
  reads: Reads,
  models: ReadModels,
  { tenantId, vector, filter }: Question,
  topK: number,
): Promise<string[]> {
  const scope = {
    tenantId,
    botId: filter.botId,
    documentIds: filter.documentIds,
    metadata: filter.metadata,
  };
  const paths = await choosePaths(services, reads, scope, { exact: false });
  const nearest = {
    vector: QueryVector.of(vector),
    filter: scope,
    maxHits: topK + 1,
    hitsBefore: 0,
    after: undefined,
    minSimilarity: undefined,
  };
  const selection = {
    columns: models.of(DocumentChunk).select(new Set(['id', 'tenantId', 'text']), 't'),
    highlight: false,
    contextHighlight: false,
    withCount: false,
  };
  const { hits } = await searchVectors(reads, paths, nearest, selection);
  return hits.slice(0, topK).map(({ id }) => id);
}

/**
 * The gateway's statement as the others send theirs: without a transaction, a role and the second
 * wall, by the superuser. Prepared, as it always is.
 */
async function statementAlone(adminUrl: string, connections: number): Promise<Contender> {
  const models = await Database.open(postgresAt(adminUrl, { poolSize: 1 }), ENTITIES).then(
    async database => {
      await database.close();
      return new ReadModels(database.orm);
    },
  );
  const clients = await connect(adminUrl, connections, '');
  const prepared = new PreparedStatements();
  const readers = clients.map(
    client =>
      ({
        async query(statement: Statement, values: unknown[]) {
          const { name, text } = prepared.use(statement);
          // Without a transaction these last, and are the same each time.
          const sql = text.replace(/(set_config\('hnsw[^)]*), true\)/g, '$1, false)');
          return (await client.query({ ...(name !== undefined && { name }), text: sql, values }))
            .rows;
        },
      }) as unknown as Reads,
  );
  return {
    name: STATEMENT,
    search: (connection, question, topK) => searchBy(readers[connection]!, models, question, topK),
    close: () => closeAll(clients),
  };
}

/**
 * What the gateway does for a search, without HTTP and GraphQL: its own choice of a path, its own
 * statements, its role and both walls.
 */
async function ours(gatewayUrl: string, connections: number): Promise<Contender> {
  const database = await Database.open(postgresAt(gatewayUrl, { poolSize: connections }), ENTITIES);
  const models = new ReadModels(database.orm);
  return {
    name: OURS,
    search: (_, question, topK) =>
      searchBy(database.reads(tenantScope(question.tenantId)), models, question, topK),
    close: () => database.close(),
  };
}
