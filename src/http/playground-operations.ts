/** An operation that the Playground offers ready to run. */
export interface PlaygroundOperation {
  /** As the list and the tab show it. */
  name: string;
  query: string;
  variables?: Record<string, unknown>;
}

/** Stand in `variables` for ids of the visitor's own data: the page puts the first row of `SAMPLE_IDS` in their place, or null where there is none. */
export const SAMPLE_BOT_ID = '{{sampleBotId}}';
export const SAMPLE_DOCUMENT_ID = '{{sampleDocumentId}}';
export const SAMPLE_IDS = `query SampleIds {
  documents(first: 1, filter: { status: { eq: COMPLETED } }, orderBy: [{ field: CREATED_AT, direction: ASC }]) {
    nodes { id bot { id } }
  }
}`;

const WHO_AM_I: PlaygroundOperation = {
  name: 'Who am I?',
  query: `# Welcome to Weaver!
#
# Here you talk to the GraphQL API of this very server.
#
#   Run       "Send Request", or Ctrl+Enter
#   Explore   the folder at the bottom left: the
#             collection "Weaver" has an operation for
#             each journey, ready to run
#   Look up   "Docs": every type, field and argument
#   Complete  Ctrl+Space while you type
#
# Your key goes into a header, Authorization: Bearer
# <key>. See "Set Headers", the first symbol on the
# left. What the key may do, this operation shows.

query WhoAmI {
  viewer {
    kind
    scopes
    tenant { id name planTier }
    apiKey { name prefix rateLimitRpm expiresAt }
  }
}
`,
};

const MY_TENANT: PlaygroundOperation = {
  name: 'My tenant and its bots',
  query: `# A tenant owns everything else: bots, documents,
# users, API keys. Without an id it is your own.

query MyTenant {
  tenant {
    id
    name
    planTier
    storageUsedBytes
    createdAt
    bots(first: 10) {
      totalCount
      nodes { id name config createdAt }
    }
  }
}
`,
};

const TENANT_TO_CHUNKS: PlaygroundOperation = {
  name: 'From the tenant down to the text',
  query: `# Tenant, bots, documents, chunks: four levels in one
# request. The server reads a level at a time, however
# many rows it has.

query TenantToChunks {
  tenant {
    name
    bots(first: 5) {
      nodes {
        name
        documents(first: 3, filter: { status: { eq: COMPLETED } }) {
          totalCount
          nodes {
            filename
            status
            chunkCount
            chunks(first: 2) {
              nodes { chunkIndex text }
            }
          }
        }
      }
    }
  }
}
`,
};

const NEWEST_DOCUMENTS: PlaygroundOperation = {
  name: 'Newest documents, filtered',
  query: `# Every list takes "filter" and "orderBy": Ctrl+Space
# inside their braces shows what there is. All
# conditions must hold.

query NewestDocuments($word: String!, $since: DateTime!) {
  documents(
    first: 10
    filter: {
      status: { eq: COMPLETED }
      filename: { contains: $word }
      createdAt: { gte: $since }
    }
    orderBy: [{ field: CREATED_AT, direction: DESC }]
  ) {
    totalCount
    nodes {
      id
      filename
      sizeBytes
      status
      createdAt
      bot { name }
    }
  }
}
`,
  variables: { word: 'and', since: '2020-01-01T00:00:00Z' },
};

const NEXT_PAGE: PlaygroundOperation = {
  name: 'Page by page',
  query: `# For the next page copy "endCursor" from the answer
# into the variable "after" (VARIABLES, at the bottom)
# and run it again. Backwards: "last" and "before",
# with "startCursor".

query DocumentsPageByPage($first: Int!, $after: String) {
  documents(first: $first, after: $after) {
    totalCount
    edges {
      cursor
      node { id filename }
    }
    pageInfo { startCursor endCursor hasNextPage }
  }
}
`,
  variables: { first: 3, after: null },
};

const SEARCH_BY_MEANING: PlaygroundOperation = {
  name: 'Search by meaning',
  query: `# The passages closest to a question, from all of the
# tenant's documents. Ask your own: VARIABLES, at the
# bottom. "completeness" says whether anything was
# left out.

query SearchByMeaning($text: String!) {
  searchChunks(input: { text: $text, topK: 5 }) {
    tookMs
    embeddingModel
    completeness { requested returned exact }
    hits {
      rank
      similarity
      chunk {
        text
        document { filename }
        bot { name }
      }
    }
  }
}
`,
  variables: { text: 'How do I return an item and when do I get my money?' },
};

const SEARCH_IN_ONE_BOT: PlaygroundOperation = {
  name: 'Search within one bot',
  query: `# Narrower: in one bot, at least this similar, and only
# chunks whose metadata contain what is given here.
# A variable that is null narrows nothing.

query SearchInOneBot($text: String!, $botId: ID, $minSimilarity: Float, $metadata: JSONObject) {
  searchChunks(
    input: {
      text: $text
      topK: 10
      botId: $botId
      minSimilarity: $minSimilarity
      metadata: $metadata
    }
  ) {
    completeness { requested returned exact reason }
    hits {
      rank
      similarity
      chunk {
        id
        text
        metadata
        document { id filename }
      }
    }
  }
}
`,
  variables: { text: 'How much is shipping to Canada?', botId: SAMPLE_BOT_ID, minSimilarity: 0.05, metadata: { audience: 'customers' } },
};

const ONE_NODE: PlaygroundOperation = {
  name: 'Anything by its id',
  query: `# Ids are unique across all types, and "node" knows
# what each belongs to. Try an id from another answer
# as the variable. What is not yours is null.

query AnythingById($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Document { filename status chunkCount }
    ... on DocumentChunk { chunkIndex text }
    ... on Bot { name config }
    ... on Tenant { name planTier }
  }
}
`,
  variables: { id: SAMPLE_DOCUMENT_ID },
};

const UNSURE_ANSWERS: PlaygroundOperation = {
  name: 'Questions without a good answer',
  query: `# What people asked and the bots could not answer well:
# the next documents to write.

query UnsureAnswers {
  botQueries(
    first: 20
    filter: { confidence: { eq: LOW } }
    orderBy: [{ field: CREATED_AT, direction: DESC }]
  ) {
    totalCount
    nodes {
      query
      answer
      confidence
      latencyMs
      createdAt
      bot { name }
    }
  }
}
`,
};

const KEYS_AND_USERS: PlaygroundOperation = {
  name: 'API keys and users',
  query: `# Who may come in. The secret of a key is shown once,
# when it is made; after that, only its prefix.

query KeysAndUsers {
  tenant {
    name
    apiKeys(first: 20) {
      nodes {
        id
        name
        prefix
        scopes
        rateLimitRpm
        revoked
        expiresAt
        lastUsedAt
      }
    }
    users(first: 20) {
      nodes { id email role createdAt }
    }
  }
}
`,
};

const THE_SCHEMA: PlaygroundOperation = {
  name: 'The schema itself',
  query: `# GraphQL describes itself: "Docs" is made from answers
# to questions like this one.

query TheSchema($type: String!) {
  __schema {
    queryType {
      fields { name description }
    }
  }
  __type(name: $type) {
    name
    kind
    description
    fields {
      name
      description
      type {
        name
        kind
        ofType { name kind }
      }
    }
  }
}
`,
  variables: { type: 'Document' },
};

/** In the order in which a newcomer meets them; the first one greets. */
export const PLAYGROUND_OPERATIONS: readonly PlaygroundOperation[] = [
  WHO_AM_I,
  MY_TENANT,
  TENANT_TO_CHUNKS,
  NEWEST_DOCUMENTS,
  NEXT_PAGE,
  SEARCH_BY_MEANING,
  SEARCH_IN_ONE_BOT,
  ONE_NODE,
  UNSURE_ANSWERS,
  KEYS_AND_USERS,
  THE_SCHEMA,
];

/** Those that stand open in tabs on the first visit. */
export const OPENED_OPERATIONS: readonly PlaygroundOperation[] = [WHO_AM_I, TENANT_TO_CHUNKS, SEARCH_BY_MEANING];
