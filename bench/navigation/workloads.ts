import { OPERATOR_ROLE, TENANT_ROLE } from '../../src/db/roles.js';
import { graphqlRequest, type HttpRequest } from '../shared/http-request.js';
import type { DataSet } from './data-set.js';

/**
 * How a server is asked: in the gateway's schema, in the one that PostGraphile makes of the tables,
 * or one path for each workload.
 */
export type Dialect = 'weaver' | 'postgraphile' | 'path';

export const WORKLOAD_NAMES = ['W1', 'W2', 'W3', 'W4', 'W5'] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

/** Something that frontends do, as each kind of server is asked for it. */
export interface Workload {
  readonly name: WorkloadName;
  readonly what: string;
  /**
   * One request for each tenant, so that no answer comes from one hot page; the operator's workload
   * has one in all.
   */
  readonly requests: Readonly<Record<Dialect, readonly HttpRequest[]>>;
}

const POINT = 'query Point($id: ID!) { tenant(id: $id) { id name planTier } }';

const NAVIGATE = `query Navigate($id: ID!) {
  tenant(id: $id) {
    id
    name
    bots {
      nodes {
        id
        name
        documents(first: 20) {
          nodes { id filename chunks(first: 5) { nodes { id chunkIndex text } } }
        }
      }
    }
  }
}`;

const WIDE = `query Wide {
  documents(first: 100) {
    nodes { id filename sourceUri sizeBytes status errorMessage createdAt updatedAt bot { name } }
  }
}`;

const SEARCH = `query Search($embedding: Vector!) {
  searchChunks(input: { embedding: $embedding, topK: 10 }) {
    hits { similarity chunk { id text document { filename } bot { name } } }
  }
}`;

const BUSHY = `query Bushy {
  tenants(first: 10) {
    nodes {
      id
      name
      bots {
        nodes {
          id
          name
          documents(first: 3) {
            nodes { id filename chunks(first: 2) { nodes { id chunkIndex } } }
          }
        }
      }
    }
  }
}`;

/**
 * The same in the schema that PostGraphile makes, with aliases for its longer names. It has no
 * default order and no default size.
 */
const FOR_POSTGRAPHILE: Readonly<Record<WorkloadName, string>> = {
  W1: 'query Point($id: UUID!) { tenant: tenantByRowId(rowId: $id) { id: rowId name planTier } }',
  W2: `query Navigate($id: UUID!) {
    tenant: tenantByRowId(rowId: $id) {
      id: rowId
      name
      bots: botsByTenantId(first: 20, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) {
        nodes {
          id: rowId
          name
          documents: docsByTenantIdAndBotId(
            first: 20
            orderBy: [CREATED_AT_DESC, ROW_ID_DESC]
          ) {
            nodes {
              id: rowId
              filename
              chunks: docChunksByTenantIdAndBotIdAndDocId(
                first: 5
                orderBy: [CHUNK_INDEX_ASC, ROW_ID_ASC]
              ) {
                nodes { id: rowId chunkIndex text }
              }
            }
          }
        }
      }
    }
  }`,
  W3: `query Wide($id: UUID!) {
    documents: allDocs(
      first: 100
      condition: { tenantId: $id }
      orderBy: [CREATED_AT_DESC, ROW_ID_DESC]
    ) {
      nodes {
        id: rowId
        filename
        sourceUri: gcsPath
        sizeBytes
        status
        errorMessage
        createdAt
        updatedAt
        bot: botByTenantIdAndBotId { name }
      }
    }
  }`,
  W4: `query Search($id: UUID!, $question: String!) {
    searchChunks: nearestChunks(tenant: $id, question: $question, first: 10) {
      hits: nodes {
        similarity(question: $question)
        id: rowId
        text
        document: docByTenantIdAndBotIdAndDocId {
          filename
          bot: botByTenantIdAndBotId { name }
        }
      }
    }
  }`,
  W5: `query Bushy {
    tenants: allTenants(first: 10, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
      nodes {
        id: rowId
        name
        bots: botsByTenantId(first: 20, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) {
          nodes {
            id: rowId
            name
            documents: docsByTenantIdAndBotId(
              first: 3
              orderBy: [CREATED_AT_DESC, ROW_ID_DESC]
            ) {
              nodes {
                id: rowId
                filename
                chunks: docChunksByTenantIdAndBotIdAndDocId(
                  first: 2
                  orderBy: [CHUNK_INDEX_ASC, ROW_ID_ASC]
                ) {
                  nodes { id: rowId chunkIndex }
                }
              }
            }
          }
        }
      }
    }
  }`,
};

interface Definition {
  readonly what: string;
  readonly query: string;
  readonly variables: (tenant: {
    readonly id: string;
    readonly question: readonly number[];
  }) => object;
}

export const DEFINITIONS: Readonly<Record<WorkloadName, Definition>> = {
  W1: { what: 'point: one tenant by its id', query: POINT, variables: ({ id }) => ({ id }) },
  W2: {
    what: 'navigate: tenant, bots, 20 documents each, 5 chunks each with text',
    query: NAVIGATE,
    variables: ({ id }) => ({ id }),
  },
  W3: {
    what: "wide: 100 documents, 8 scalars and the bot's name",
    query: WIDE,
    variables: () => ({}),
  },
  W4: {
    what: 'search: the 10 nearest chunks with text, document and bot',
    query: SEARCH,
    variables: ({ question }) => ({ embedding: question }),
  },
  W5: {
    what: 'bushy: 10 tenants, bots, 3 documents each, 2 chunks each',
    query: BUSHY,
    variables: () => ({}),
  },
};

export function workloadsOf({ tenants }: DataSet, operatorToken: string): Workload[] {
  return WORKLOAD_NAMES.map(name => {
    const { what, query, variables } = DEFINITIONS[name];
    const asked = name === 'W5' ? tenants.slice(0, 1) : tenants;
    const ofTenants = (
      toRequest: (tenant: DataSet['tenants'][number]) => HttpRequest,
    ): HttpRequest[] => asked.map(toRequest);
    return {
      name,
      what,
      requests: {
        // Apollo's by hand is asked the same, and takes the tenant from the header that the gateway
        // does not read.
        weaver: ofTenants(tenant =>
          graphqlRequest(query, variables(tenant), {
            authorization: `Bearer ${name === 'W5' ? operatorToken : tenant.apiKey}`,
            'x-bench-tenant': tenant.id,
          }),
        ),
        postgraphile: ofTenants(({ id, question }) =>
          graphqlRequest(
            FOR_POSTGRAPHILE[name],
            {
              ...(name !== 'W5' && { id }),
              ...(name === 'W4' && { question: JSON.stringify(question) }),
            },
            name === 'W5'
              ? { 'x-role': OPERATOR_ROLE }
              : { 'x-role': TENANT_ROLE, 'x-bench-tenant': id },
          ),
        ),
        path: ofTenants(({ id, question }): HttpRequest =>
          name === 'W4'
            ? {
                method: 'POST',
                path: `/W4?tenant=${id}`,
                headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ embedding: question }),
              }
            : { method: 'GET', path: `/${name}?tenant=${id}`, headers: {}, body: '' },
        ),
      },
    };
  });
}
