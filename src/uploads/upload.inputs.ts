import { ArgsType } from 'type-graphql';
import { listArgsOf } from '../graphql/listed-fields.js';
import { Upload } from './upload.entity.js';

@ArgsType()
export class UploadListArgs extends listArgsOf(Upload, {
  things: 'uploads',
  defaultOrder: 'newest first',
}) {}
