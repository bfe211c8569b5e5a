import { connectionOf } from '../graphql/connection.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList } from '../graphql/list.js';
import { Document } from './document.entity.js';

export const DocumentConnection = connectionOf(Document, 'documents');
export const documents = defineList({
  name: 'documents',
  entity: Document,
  defaultOrder: NEWEST_FIRST,
});
export const documentsOfBot = defineList({
  name: 'documentsOfBot',
  entity: Document,
  parentId: 'botId',
  defaultOrder: NEWEST_FIRST,
});
