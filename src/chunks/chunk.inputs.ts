import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { DocumentChunk } from './chunk.entity.js';

@ArgsType()
export class DocumentChunkListArgs extends listArgsOf(DocumentChunk, {
  things: 'chunks',
  defaultOrder: 'in the order of the text',
}) {}
