import { createHash } from 'node:crypto';
import { SAMPLE_BOT_ID, SAMPLE_DOCUMENT_ID, SAMPLE_IDS } from './playground-operation.js';
import { OPENED_OPERATIONS, PLAYGROUND_OPERATIONS } from './playground-operations.js';

export interface PlaygroundOptions {
  /** Path of the GraphQL endpoint on this server. */
  endpoint: string;
  /**
   * Path on this server where subscriptions are spoken as `graphql-ws`; without it the Playground
   * offers none.
   */
  subscriptionsEndpoint?: string;
  /**
   * A key to fill in for everybody who opens the page: only for a gateway whose data are made up.
   */
  demoKey?: string;
}

/** What browser/start.js is told; plain JSON. */
interface StartConfig {
  endpoint: string;
  subscriptionsEndpoint: string | null;
  demoKey: string | null;
  operations: readonly { name: string; query: string; variables: string }[];
  /** Names of the operations that are opened in tabs on the first visit. */
  opened: readonly string[];
  sampleIds: { query: string; botId: string; documentId: string };
}

/**
 * What browser/start.js asks for first: what this gateway offers, and a name for this edition of
 * it.
 */
export function startConfig({ endpoint, subscriptionsEndpoint, demoKey }: PlaygroundOptions): {
  config: StartConfig;
  edition: string;
} {
  const config: StartConfig = {
    endpoint,
    subscriptionsEndpoint: subscriptionsEndpoint ?? null,
    demoKey: demoKey ?? null,
    operations: PLAYGROUND_OPERATIONS.map(({ name, query, variables = {} }) => ({
      name,
      query,
      variables: JSON.stringify(variables, null, 2),
    })),
    opened: OPENED_OPERATIONS.map(operation => operation.name),
    sampleIds: { query: SAMPLE_IDS, botId: SAMPLE_BOT_ID, documentId: SAMPLE_DOCUMENT_ID },
  };
  const edition = createHash('sha256')
    .update(JSON.stringify(config))
    .digest('base64url')
    .slice(0, 16);
  return { config, edition };
}
