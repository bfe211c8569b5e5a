/** An operation that the Playground offers ready to run. */
export interface PlaygroundOperation {
  /** As the list and the tab show it. */
  name: string;
  query: string;
  variables?: Record<string, unknown>;
}

/**
 * Stand in `variables` for ids of the visitor's own data: the page puts the first row of
 * `SAMPLE_IDS` in their place, or null where there is none.
 */
export const SAMPLE_BOT_ID = '{{sampleBotId}}';
export const SAMPLE_DOCUMENT_ID = '{{sampleDocumentId}}';
export const SAMPLE_IDS = `query SampleIds {
  documents(
    first: 1
    filter: { status: { eq: COMPLETED } }
    orderBy: [{ field: CREATED_AT, direction: ASC }]
  ) {
    nodes { id bot { id } }
  }
}`;
