import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { ApiKey } from './api-key.entity.js';

@ArgsType()
export class ApiKeyListArgs extends listArgsOf(ApiKey, {
  things: 'API keys',
  defaultOrder: 'newest first',
}) {}
