import { EventEmitter } from 'node:events';

declare module '../graphql/context.js' {
  interface RequestContext {
    /** What happens to ingestions in this process. */
    readonly ingestionEvents: IngestionEvents;
  }
}

/** Which ingestion changed: what became of it is in the database. */
export interface IngestionEvent {
  readonly tenantId: string;
  readonly ingestionId: string;
}

/** Tells whoever listens in this process that an ingestion changed: state, step or progress. */
export class IngestionEvents {
  readonly #emitter = new EventEmitter<{ change: [IngestionEvent] }>().setMaxListeners(0);

  emit({ tenantId, ingestionId }: IngestionEvent): void {
    this.#emitter.emit('change', { tenantId, ingestionId });
  }

  /** Gives what ends the listening. */
  listen(listener: (event: IngestionEvent) => void): () => void {
    this.#emitter.on('change', listener);
    return () => void this.#emitter.off('change', listener);
  }
}
