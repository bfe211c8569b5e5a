import { DEFINITIONS } from '../navigation/read-workloads.js';

/**
 * Whom an operation is asked about: a tenant's caller, or for the operator nobody in particular.
 */
export interface Subject {
  readonly tenantId: string;
  readonly botId: string;
  readonly documentIds: readonly string[];
  /** A vector, as long as they are stored. */
  readonly question: readonly number[];
}

/**
 * `usual`: some hundred chunks, so that searches compare all of them. `large`: a thousand and more,
 * without an index of its own. `indexed`: the same with one (`weaver search tune`).
 */
export const SUBJECTS = ['usual', 'large', 'indexed'] as const;
export type SubjectName = (typeof SUBJECTS)[number];

export interface Operation {
  readonly what: string;
  readonly query: string;
  readonly variables: (subject: Subject) => object;
  readonly subject: SubjectName;
  readonly asOperator: boolean;
}

/** A page of `docs/sql/`. */
export interface Page {
  readonly file: string;
  readonly title: string;
  readonly operations: readonly Operation[];
}

/**
 * Statements whose answers the gateway remembers for a while, and the look-up of the key: they have
 * a page of their own, and stand on no other.
 */
export const BEFORE_PAGE = 'before.md';
export const BEFORE: readonly string[] = [
  'apiKeyByPrefix',
  'apiKeyBeforeReads',
  'searchScopeSize',
  'searchIndexes',
];

const TEXT = 'flost grop bran';

const SEARCH = `query Search($input: SearchChunksInput!) {
  searchChunks(input: $input) { hits { similarity chunk { id text } } }
}`;

/** Of few hits, so that a path's answer is certain and no exact search follows. */
const search = (
  what: string,
  subject: SubjectName,
  input: (subject: Subject) => object,
): Operation => ({
  what,
  query: SEARCH,
  subject,
  asOperator: false,
  variables: asked => ({ input: { topK: 3, ...input(asked) } }),
});

const list = (what: string, query: string): Operation => ({
  what,
  query,
  subject: 'usual',
  asOperator: false,
  variables: () => ({}),
});

const workloads = (['W1', 'W2', 'W3', 'W4', 'W5'] as const).map((name): Page => {
  const { what, query, variables } = DEFINITIONS[name];
  const operation: Operation = {
    what,
    query,
    subject: 'usual',
    asOperator: name === 'W5',
    variables: ({ tenantId, question }) => variables({ id: tenantId, question, words: '' }),
  };
  return {
    file: `${name.toLowerCase()}-${what.split(':')[0]}.md`,
    title: `${name}: ${what.split(':')[0]}`,
    operations: [operation],
  };
});

export const PAGES: readonly Page[] = [
  ...workloads,
  {
    file: 'search-exact.md',
    title: 'Search by vector, path EXACT',
    operations: [
      search('all chunks of a tenant with few', 'usual', ({ question }) => ({
        embedding: question,
      })),
      search(
        'all chunks of a large tenant, where the caller wants that',
        'large',
        ({ question }) => ({ embedding: question, exact: true }),
      ),
    ],
  },
  {
    file: 'search-codes.md',
    title: 'Search by vector, path CODES',
    operations: [search('a large tenant', 'large', ({ question }) => ({ embedding: question }))],
  },
  {
    file: 'search-hnsw.md',
    title: 'Search by vector, path HNSW',
    operations: [
      search('a large tenant with an index of its own', 'indexed', ({ question }) => ({
        embedding: question,
      })),
    ],
  },
  {
    file: 'search-keyword.md',
    title: 'Search by words',
    operations: [search('the words of a text', 'large', () => ({ mode: 'KEYWORD', text: TEXT }))],
  },
  {
    file: 'search-hybrid.md',
    title: 'Search by vector and words',
    operations: [
      search('a tenant with few chunks', 'usual', ({ question }) => ({
        mode: 'HYBRID',
        text: TEXT,
        embedding: question,
      })),
      search('a large tenant', 'large', ({ question }) => ({
        mode: 'HYBRID',
        text: TEXT,
        embedding: question,
      })),
    ],
  },
  {
    file: 'search-filters.md',
    title: 'Searches with filters',
    operations: [
      search('of one bot', 'large', ({ question, botId }) => ({ embedding: question, botId })),
      search('of some documents', 'large', ({ question, documentIds }) => ({
        embedding: question,
        documentIds,
      })),
      search('of documents in a state', 'large', ({ question }) => ({
        embedding: question,
        documentStatuses: ['COMPLETED'],
      })),
      search('with metadata', 'large', ({ question }) => ({
        embedding: question,
        metadata: { kind: 3 },
      })),
      search('with metadata in a range', 'large', ({ question }) => ({
        embedding: question,
        metadataConditions: [{ path: ['kind'], number: { gte: 1, lt: 3 } }],
      })),
      search('stored in a range of time', 'large', ({ question }) => ({
        embedding: question,
        createdAt: { gte: '2027-06-01T00:00:00Z' },
      })),
      search('words, with metadata', 'large', () => ({
        mode: 'KEYWORD',
        text: TEXT,
        metadata: { kind: 3 },
      })),
    ],
  },
  {
    file: 'lists.md',
    title: 'Lists: counts, orders, filters, aliases, relations',
    operations: [
      {
        ...search(
          "documents and bots of what a large tenant's search found",
          'large',
          ({ question }) => ({ embedding: question }),
        ),
        query:
          'query Related($input: SearchChunksInput!) { searchChunks(input: $input) { ' +
          'hits { chunk { id document { filename } bot { name } } } } }',
      },
      list(
        'counts beside rows, and of each parent',
        'query Counts { bots { totalCount nodes { id documents(first: 1) { totalCount ' +
          'nodes { id } } } } }',
      ),
      list(
        'another order',
        'query ByFilename { documents(first: 20, orderBy: { field: FILENAME }) { nodes { ' +
          'id filename } } }',
      ),
      list(
        'a filter',
        'query Failed { documents(first: 20, filter: { status: { eq: FAILED } }) { nodes ' +
          '{ id filename } } }',
      ),
      list(
        'one list twice with other arguments',
        'query Aliases { bots { nodes { newest: documents(first: 1) { nodes { id } } ' +
          'oldest: documents(last: 2) { nodes { filename } } } } }',
      ),
      list(
        'counts of chunks',
        'query ChunkCounts { documents(first: 20) { nodes { id chunkCount } } }',
      ),
    ],
  },
];
