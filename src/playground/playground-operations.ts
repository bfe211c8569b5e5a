import { SAMPLE_DOCUMENT_ID, type PlaygroundOperation } from './playground-operation.js';
import {
  SEARCH_BY_BOTH,
  SEARCH_BY_MEANING,
  SEARCH_BY_WORDS,
  SEARCH_IN_ONE_BOT,
} from './playground-searches.js';

const WHO_AM_I: PlaygroundOperation = {
  name: 'Who am I?',
  query: `# Welcome to Weaver!
#
# This page sends operations to this gateway.
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
# left. This operation shows what the key may do.

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
      tags: { hasAny: ["public"] }
    }
    orderBy: [{ field: CREATED_AT, direction: DESC }]
  ) {
    totalCount
    nodes {
      id
      filename
      tags
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

const ONE_NODE: PlaygroundOperation = {
  name: 'Anything by its id',
  query: `# Ids are unique across all types, and "node" finds the
# type. Try an id from another answer as the variable.
# Objects of other tenants are null.

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
  query: `# Questions that the bots could not answer well: they
# show which documents are missing.

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
  query: `# Who has access to the tenant. The secret of a key is
# shown once, when it is created; later only its prefix.

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
  query: `# GraphQL describes itself: "Docs" is built from answers
# to queries like this one.

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
  SEARCH_BY_WORDS,
  SEARCH_BY_BOTH,
  SEARCH_IN_ONE_BOT,
  ONE_NODE,
  UNSURE_ANSWERS,
  KEYS_AND_USERS,
  THE_SCHEMA,
];

/** The operations that are opened in tabs on the first visit. */
export const OPENED_OPERATIONS: readonly PlaygroundOperation[] = [
  WHO_AM_I,
  TENANT_TO_CHUNKS,
  SEARCH_BY_MEANING,
];
