import { Client } from 'pg';
import { Database } from '../../src/db/database.js';
import { tenantScope } from '../../src/db/database-scope.js';
import { ReadModels } from '../../src/db/read-model.js';
import { DocumentChunk } from '../../src/chunks/chunk.entity.js';
import { ENTITIES } from '../../src/entities.js';
import { choosePaths } from '../../src/search/paths/choose-paths.js';
import { QueryVector } from '../../src/search/query-vector.js';
import { searchVectors } from '../../src/search/vector-search.js';
import { conditionsOf, type Question } from './questions.js';

/** A way to answer questions by SQL. `ask` may be called by as many callers at the same time as there are connections, each with its own number. */
export interface Contender {
  readonly name: string;
  /** The ids found, the nearest first. */
  ask(connection: number, question: Question, topK: number): Promise<string[]>;
  close(): Promise<void>;
}

export const FLOOR = 'select 1';
export const ORIGINAL = 'original';
export const REPAIRED = 'repaired';
export const EXACT = 'exact, vector';
export const EXACT_HALF = 'exact, halfvec';
export const OURS = 'Weaver, SQL';

const SESSION = {
  [ORIGINAL]: `set hnsw.ef_search = 40`,
  [REPAIRED]: `set hnsw.ef_search = 200; set hnsw.iterative_scan = relaxed_order`,
  [EXACT]: '',
  [EXACT_HALF]: '',
} as const;

/** All contenders, each with connections of its own. */
export async function openContenders(adminUrl: string, gatewayUrl: string, connections: number): Promise<Contender[]> {
  const plain = async (name: keyof typeof SESSION, sql: (filter: string) => string): Promise<Contender> => {
    const clients = await connect(adminUrl, connections, SESSION[name]);
    return {
      name,
      async ask(connection, question, topK) {
        const { sql: filter, values } = conditionsOf(question.filter, 4);
        const { rows } = await clients[connection]!.query<{ id: string }>(sql(filter), [literalOf(question), question.tenantId, topK, ...values]);
        return rows.map(({ id }) => id);
      },
      close: () => closeAll(clients),
    };
  };
  return [
    await floor(adminUrl, connections),
    await plain(ORIGINAL, filter => originalSql('original_chunks', filter)),
    await plain(REPAIRED, filter => originalSql('repaired_chunks', filter)),
    await plain(EXACT, filter => exactSql('original_chunks', 'vector', filter)),
    await plain(EXACT_HALF, filter => exactSql('doc_chunks', 'halfvec', filter)),
    await ours(gatewayUrl, connections),
  ];
}

const originalSql = (table: string, filter: string): string =>
  `select id, text, 1 - (embedding <=> $1) as similarity from ${table} where tenant_id = $2${filter} order by embedding <=> $1 limit $3`;

/** The distance is computed once, and the vector read once: a scan that is as good as it gets. `+ 0` keeps it a scan. */
const exactSql = (table: string, type: string, filter: string): string =>
  `select id, text, 1 - d as similarity from (
     select id, text, (embedding <=> (select $1::${type}(1536))) + 0 as d from ${table} where tenant_id = $2${filter} order by d limit $3) s order by d`;

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
    async ask(connection) {
      await clients[connection]!.query({ name: 'floor', text: 'select 1' });
      return [];
    },
    close: () => closeAll(clients),
  };
}

/** As the original's programs send a vector: as text. It is written once, which favours them. */
const literals = new WeakMap<Question, string>();
function literalOf(question: Question): string {
  const known = literals.get(question);
  if (known !== undefined) return known;
  const literal = JSON.stringify(question.vector);
  literals.set(question, literal);
  return literal;
}

/** What the gateway does for a search, without HTTP and GraphQL: its own choice of a path, its own statements, its role and both walls. */
async function ours(gatewayUrl: string, connections: number): Promise<Contender> {
  const database = await Database.open({ kind: 'postgres', url: gatewayUrl, migrationUrl: gatewayUrl, pooler: 'none', poolSize: connections }, ENTITIES);
  const selection = { model: new ReadModels(database.orm).of(DocumentChunk), properties: new Set(['id', 'tenantId', 'text']), key: 'bench' };
  return {
    name: OURS,
    async ask(_, { tenantId, vector, filter }, topK) {
      const reads = database.reads(tenantScope(tenantId));
      const scope = { tenantId, botId: filter.botId, documentIds: filter.documentIds, metadata: filter.metadata };
      const paths = await choosePaths(reads, scope, { exact: false });
      const nearest = { vector: new QueryVector(vector), scope, wanted: topK, seen: 0, after: undefined, minSimilarity: undefined };
      const { hits } = await searchVectors(reads, paths, nearest, selection);
      return hits.map(({ chunk }) => (chunk as { id: string }).id);
    },
    close: () => database.close(),
  };
}
