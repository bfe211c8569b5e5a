import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { Document } from './document.entity.js';

@ArgsType()
export class DocumentListArgs extends listArgsOf(Document, {
  things: 'documents',
  defaultOrder: 'newest first',
}) {}
