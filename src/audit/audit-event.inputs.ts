import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { AuditEvent } from './audit-event.entity.js';

@ArgsType()
export class AuditLogArgs extends listArgsOf(AuditEvent, {
  things: 'events of the audit log',
  inShort: 'events',
  defaultOrder: 'newest first',
}) {}
