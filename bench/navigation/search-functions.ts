import 'reflect-metadata';
import { escapeLiteral, type Client } from 'pg';
import { startGateway } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { Database } from '../../src/db/database.js';
import { parameterText } from '../../src/db/parameter-text.js';
import { ENTITIES } from '../../src/entities.js';
import { createLogger } from '../../src/observability/logger.js';
import { withClient } from '../shared/database.js';
import { graphqlRequest } from '../shared/http-request.js';
import { sentStatements, type SentStatement } from '../shared/sent-statements.js';
import type { DataSet } from './data-set.js';
import { DEFINITIONS, type ReadName } from './read-workloads.js';

/**
 * Search as functions, since PostGraphile has no other way to one. Each returns rows of a view that
 * exists for its columns alone: whatever a hit has beside its chunk is computed once, in the
 * function, and its comments lead on to document and bot.
 *
 * `nearest_chunks` is written by hand. The ranking of the others is the gateway's own: they are
 * made of the statements that the gateway sends, whatever these are.
 */
const HITS = `
  create or replace view chunk_hits as
    select id, tenant_id, bot_id, doc_id, text, null::float8 as score from doc_chunks where false;
  grant select on chunk_hits to weaver_tenant, weaver_operator;
  comment on view chunk_hits is E'@primaryKey id\\n'
    '@foreignKey (tenant_id, bot_id, doc_id) references docs (tenant_id, bot_id, id)\\n'
    '@foreignKey (tenant_id, bot_id) references bots (tenant_id, id)';
  create or replace function nearest_chunks(tenant uuid, question text) returns setof chunk_hits
    language sql stable as $$
    select id, tenant_id, bot_id, doc_id, text, 1 - distance
      from (
        select c.id, c.tenant_id, c.bot_id, c.doc_id, c.text, c.embedding <=> q.vector as distance
          from doc_chunks c, (select question::halfvec(1536) as vector offset 0) q
         where c.tenant_id = tenant offset 0
      ) compared
     order by distance, id $$`;

export async function createSearchFunctions(dataSet: DataSet): Promise<void> {
  const keyword = await statementOf(dataSet, 'W9', /^searchChunks_words/);
  const hybrid = await statementOf(dataSet, 'W10', /^searchHybrid_/);
  await withClient(dataSet.adminUrl, async client => {
    await client.query(HITS);
    await client.query(functionSql(dataSet, 'keyword_chunks(tenant uuid, words text)', keyword));
    await client.query(
      functionSql(dataSet, 'hybrid_chunks(tenant uuid, words text, question text)', hybrid),
    );
  });
}

export async function dropSearchFunctions(client: Client): Promise<void> {
  await client.query('drop view if exists chunk_hits cascade');
}

/** What the gateway sends for a workload of the first tenant. */
async function statementOf(
  { gatewayUrl, tenants }: DataSet,
  name: ReadName,
  statement: RegExp,
): Promise<SentStatement> {
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: gatewayUrl,
    LOG_LEVEL: 'silent',
  });
  const database = await Database.open(config.database, ENTITIES);
  const gateway = await startGateway({ config, database, log: createLogger('silent') });
  try {
    const { query, variables } = DEFINITIONS[name];
    const [tenant] = tenants;
    const { path, headers, body } = graphqlRequest(query, variables(tenant!), {
      authorization: `Bearer ${tenant!.apiKey}`,
    });
    const { statements } = await sentStatements(database, async () => {
      const answer = await fetch(gateway.url + path, { method: 'POST', headers, body });
      const text = await answer.text();
      if (answer.status !== 200 || text.includes('"errors"'))
        throw new Error(`The gateway answered ${answer.status}: ${text.slice(0, 500)}`);
    });
    const found = statements.filter(sent => statement.test(sent.statement.name));
    if (found.length !== 1)
      throw new Error(
        `${name} sent ${statements.map(sent => sent.statement.name).join()}: ` +
          `there must be one statement named ${statement}.`,
      );
    return found[0]!;
  } finally {
    await gateway.close();
    await database.close();
  }
}

/**
 * A function of a statement. Which of its parameters is whose follows from the values that it was
 * sent with; all others stay as they are.
 */
function functionSql(
  { tenants: [tenant] }: DataSet,
  head: string,
  { statement, parameters }: SentStatement,
): string {
  const placeOf = (value: unknown): string => {
    if (value === tenant!.id) return 'tenant';
    if (value === tenant!.words) return 'words';
    if (value !== null && typeof value === 'object' && 'toPostgres' in value)
      return '(select vector from input)';
    const text = parameterText(value);
    return text === null ? 'null' : escapeLiteral(String(text));
  };
  const places = parameters.map(placeOf);
  const text = statement.text.replace(
    /\$(\d+)/g,
    (_, number: string) => places[Number(number) - 1]!,
  );
  // A cast would be done again for each row.
  const input = text.includes('from input')
    ? 'with input as materialized (select question::halfvec as vector)'
    : '';
  return `create or replace function ${head} returns setof chunk_hits language sql stable as $$
    ${input} select id, "tenantId", "botId", "documentId", text, _score from (${text}) hits
     where _id is not null order by _score desc, _id $$`;
}
