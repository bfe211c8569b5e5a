import { connectionOf } from '../graphql/connection.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList } from '../graphql/list.js';
import { Ingestion } from './ingestion.entity.js';

export const IngestionConnection = connectionOf(Ingestion, 'ingestions');
export const ingestions = defineList({
  name: 'ingestions',
  entity: Ingestion,
  defaultOrder: NEWEST_FIRST,
});
export const ingestionsOfDocument = defineList({
  name: 'ingestionsOfDocument',
  entity: Ingestion,
  parentId: 'documentId',
  defaultOrder: NEWEST_FIRST,
});
