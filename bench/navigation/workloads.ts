import type { DataSet } from './data-set.js';

/** One request that the load generator sends as it is. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const WORKLOAD_NAMES = ['W1', 'W2', 'W3', 'W4', 'W5'] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

/** Something that frontends do, as the gateway is asked for it and as the hand-written servers are. */
export interface Workload {
  readonly name: WorkloadName;
  readonly what: string;
  /** One request for each tenant, so that no answer comes from one hot page; the operator's workload has one in all. */
  readonly gateway: readonly HttpRequest[];
  readonly floor: readonly HttpRequest[];
}

const POINT = 'query Point($id: ID!) { tenant(id: $id) { id name planTier } }';

const NAVIGATE = `query Navigate($id: ID!) {
  tenant(id: $id) { id name bots { nodes { id name documents(first: 20) { nodes { id filename chunks(first: 5) { nodes { id chunkIndex text } } } } } } }
}`;

const WIDE = `query Wide {
  documents(first: 100) { nodes { id filename sourceUri sizeBytes status errorMessage createdAt updatedAt bot { name } } }
}`;

const SEARCH = `query Search($embedding: Vector!) {
  searchChunks(input: { embedding: $embedding, topK: 10 }) { hits { similarity chunk { id text document { filename } bot { name } } } }
}`;

const BUSHY = `query Bushy {
  tenants(first: 10) { nodes { id name bots { nodes { id name documents(first: 3) { nodes { id filename chunks(first: 2) { nodes { id chunkIndex } } } } } } } }
}`;

export function workloadsOf({ tenants }: DataSet, operatorToken: string): Workload[] {
  const ofTenants = (query: string, variables: (tenant: DataSet['tenants'][number]) => object): HttpRequest[] =>
    tenants.map(tenant => graphql(query, variables(tenant), tenant.apiKey));
  const floorOf = (name: WorkloadName): HttpRequest[] => tenants.map(({ id }) => ({ method: 'GET', path: `/${name}?tenant=${id}`, headers: {}, body: '' }));
  return [
    { name: 'W1', what: 'point: one tenant by its id', gateway: ofTenants(POINT, ({ id }) => ({ id })), floor: floorOf('W1') },
    { name: 'W2', what: 'navigate: tenant, bots, 20 documents each, 5 chunks each with text', gateway: ofTenants(NAVIGATE, ({ id }) => ({ id })), floor: floorOf('W2') },
    { name: 'W3', what: "wide: 100 documents, 8 scalars and the bot's name", gateway: ofTenants(WIDE, () => ({})), floor: floorOf('W3') },
    {
      name: 'W4',
      what: 'search: the 10 nearest chunks with text, document and bot',
      gateway: ofTenants(SEARCH, ({ question }) => ({ embedding: question })),
      floor: tenants.map(({ id, question }) => ({
        method: 'POST', path: `/W4?tenant=${id}`, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ embedding: question }),
      })),
    },
    { name: 'W5', what: 'bushy: 10 tenants, bots, 3 documents each, 2 chunks each', gateway: [graphql(BUSHY, {}, operatorToken)], floor: [{ method: 'GET', path: '/W5', headers: {}, body: '' }] },
  ];
}

function graphql(query: string, variables: object, token: string): HttpRequest {
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  };
}
