import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { Ingestion } from './ingestion.entity.js';

@ArgsType()
export class IngestionListArgs extends listArgsOf(Ingestion, {
  things: 'ingestions',
  defaultOrder: 'newest first',
}) {}
