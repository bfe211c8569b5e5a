/** Reads that frontends make, in the gateway's schema and in PostGraphile's. */
export const READ_NAMES = ['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'W7', 'W8', 'W9', 'W10'] as const;
export type ReadName = (typeof READ_NAMES)[number];

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

const REVERSE = `query Reverse {
  documents(first: 40) {
    nodes {
      id
      chunks(first: 5) {
        nodes { id document { filename sizeBytes bot { name tenant { name planTier } } } }
      }
    }
  }
}`;

const LISTED = `query Listed {
  documents(
    first: 50
    filter: { status: { eq: COMPLETED } }
    orderBy: [{ field: FILENAME, direction: ASC }]
  ) {
    totalCount
    nodes { id filename status sizeBytes updatedAt }
    pageInfo { hasNextPage }
  }
}`;

const DEEP = `query Deep($after: String) {
  documents(first: 15, after: $after) {
    nodes { id filename createdAt }
    pageInfo { hasNextPage }
  }
}`;

const WORDS = `query Words($words: String!) {
  searchChunks(input: { text: $words, mode: KEYWORD, topK: 10 }) {
    hits { score chunk { id text document { filename } bot { name } } }
  }
}`;

const HYBRID = `query Hybrid($words: String!, $embedding: Vector!) {
  searchChunks(input: { text: $words, embedding: $embedding, mode: HYBRID, topK: 10 }) {
    hits { score chunk { id text document { filename } bot { name } } }
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

/** Of a search function's rows (`search-functions.ts`). */
const HITS = `
  hits: nodes {
    score
    id: rowId
    text
    document: docByTenantIdAndBotIdAndDocId { filename bot: botByTenantIdAndBotId { name } }
  }`;

/**
 * The same in the schema that PostGraphile makes, with aliases for its longer names. It has no
 * default order and no default size.
 */
export const FOR_POSTGRAPHILE: Readonly<Record<ReadName, string>> = {
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
    searchChunks: nearestChunks(tenant: $id, question: $question, first: 10) { ${HITS} }
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
  W6: `query Reverse($id: UUID!) {
    documents: allDocs(
      first: 40
      condition: { tenantId: $id }
      orderBy: [CREATED_AT_DESC, ROW_ID_DESC]
    ) {
      nodes {
        id: rowId
        chunks: docChunksByTenantIdAndBotIdAndDocId(
          first: 5
          orderBy: [CHUNK_INDEX_ASC, ROW_ID_ASC]
        ) {
          nodes {
            id: rowId
            document: docByTenantIdAndBotIdAndDocId {
              filename
              sizeBytes
              bot: botByTenantIdAndBotId { name tenant: tenantByTenantId { name planTier } }
            }
          }
        }
      }
    }
  }`,
  W7: `query Listed($id: UUID!) {
    documents: allDocs(
      first: 50
      condition: { tenantId: $id, status: "completed" }
      orderBy: [FILENAME_ASC, ROW_ID_ASC]
    ) {
      totalCount
      nodes { id: rowId filename status sizeBytes updatedAt }
      pageInfo { hasNextPage }
    }
  }`,
  W8: `query Deep($id: UUID!, $after: Cursor) {
    documents: allDocs(
      first: 15
      after: $after
      condition: { tenantId: $id }
      orderBy: [CREATED_AT_DESC, ROW_ID_DESC]
    ) {
      nodes { id: rowId filename createdAt }
      pageInfo { hasNextPage }
    }
  }`,
  W9: `query Words($id: UUID!, $words: String!) {
    searchChunks: keywordChunks(tenant: $id, words: $words, first: 10) { ${HITS} }
  }`,
  W10: `query Hybrid($id: UUID!, $words: String!, $question: String!) {
    searchChunks: hybridChunks(tenant: $id, words: $words, question: $question, first: 10) {
      ${HITS}
    }
  }`,
};

/** Ends in a cursor from which W8 goes on: the 100th of a tenant's 120 documents. */
export const BEFORE_DEEP = {
  weaver: 'query { documents(first: 100) { pageInfo { endCursor } } }',
  postgraphile: `query ($id: UUID!) {
    documents: allDocs(
      first: 100
      condition: { tenantId: $id }
      orderBy: [CREATED_AT_DESC, ROW_ID_DESC]
    ) {
      pageInfo { endCursor }
    }
  }`,
} as const;

interface Definition {
  readonly what: string;
  readonly query: string;
  readonly variables: (tenant: AskedTenant) => object;
  /** What PostGraphile is given beside the tenant. */
  readonly forPostgraphile?: (tenant: AskedTenant) => object;
}

/** Whom a workload asks about. */
interface AskedTenant {
  readonly id: string;
  readonly question: readonly number[];
  readonly words: string;
}

export const DEFINITIONS: Readonly<Record<ReadName, Definition>> = {
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
    forPostgraphile: ({ question }) => ({ question: JSON.stringify(question) }),
  },
  W5: {
    what: 'bushy: 10 tenants, bots, 3 documents each, 2 chunks each',
    query: BUSHY,
    variables: () => ({}),
  },
  W6: {
    what: 'reverse: 200 chunks of 40 documents, each with its document, bot and tenant',
    query: REVERSE,
    variables: () => ({}),
  },
  W7: {
    what: 'listed: 50 documents of a status in the order of their names, and how many there are',
    query: LISTED,
    variables: () => ({}),
  },
  W8: {
    what: 'deep: the page of 15 documents after the first 100',
    query: DEEP,
    variables: () => ({}),
  },
  W9: {
    what: 'keyword: the 10 chunks that match two words best, with text, document and bot',
    query: WORDS,
    variables: ({ words }) => ({ words }),
    forPostgraphile: ({ words }) => ({ words }),
  },
  W10: {
    what: 'hybrid: the same by words and vector',
    query: HYBRID,
    variables: ({ words, question }) => ({ words, embedding: question }),
    forPostgraphile: ({ words, question }) => ({ words, question: JSON.stringify(question) }),
  },
};
