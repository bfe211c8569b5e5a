import { registerEnumType } from 'type-graphql';

export enum IngestionState {
  QUEUED = 'queued',
  RUNNING = 'running',
  COMPLETED = 'completed',
  FAILED = 'failed',
  CANCELLED = 'cancelled',
}
registerEnumType(IngestionState, {
  name: 'IngestionState',
  description: 'Whether a file is waiting, being processed or done with.',
  valuesConfig: {
    QUEUED: { description: 'Waiting for its turn, or until it is tried again.' },
    RUNNING: { description: 'Being processed.' },
    COMPLETED: { description: 'The document has its text, and searches find it.' },
    FAILED: { description: 'Given up; `error` says why. `retryIngestion` starts it again.' },
    CANCELLED: {
      description: 'Ended by `cancelIngestion`, or by another file for the same document.',
    },
  },
});

export enum IngestionStep {
  EXTRACT = 'extract',
  CHUNK = 'chunk',
  EMBED = 'embed',
  SWITCH = 'switch',
}
registerEnumType(IngestionStep, {
  name: 'IngestionStep',
  description: 'What is being done with a file.',
  valuesConfig: {
    EXTRACT: { description: 'Its text is read from the file.' },
    CHUNK: { description: 'The text is split into chunks.' },
    EMBED: { description: 'The chunks get their vectors; `done` and `total` count chunks.' },
    SWITCH: { description: 'The chunks replace those of the document, in one transaction.' },
  },
});

export enum IngestionKind {
  CREATE = 'create',
  REPLACE = 'replace',
}
registerEnumType(IngestionKind, {
  name: 'IngestionKind',
  description: 'What a file is for.',
  valuesConfig: {
    CREATE: { description: 'It makes a new document.' },
    REPLACE: { description: 'It replaces the text of a document that was there.' },
  },
});
