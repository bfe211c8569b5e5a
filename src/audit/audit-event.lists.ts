import { connectionOf } from '../graphql/connection.js';
import { NEWEST_FIRST } from '../graphql/default-orders.js';
import { defineList } from '../graphql/list.js';
import { AuditEvent } from './audit-event.entity.js';

export const AuditEventConnection = connectionOf(AuditEvent, 'events of the audit log');
export const auditEvents = defineList({
  name: 'auditLog',
  entity: AuditEvent,
  defaultOrder: NEWEST_FIRST,
});
