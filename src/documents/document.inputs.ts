import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  BigIntFilter,
  DateTimeFilter,
  IDFilter,
  StringFilter,
  enumFilter,
  type EnumFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';
import { DocumentStatus } from './document.entity.js';

enum DocumentOrderField {
  FILENAME = 'filename',
  SIZE_BYTES = 'sizeBytes',
  STATUS = 'status',
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
}
registerEnumType(DocumentOrderField, {
  name: 'DocumentOrderField',
  description: 'What documents can be ordered by.',
  valuesConfig: {
    FILENAME: { description: 'Its file name.' },
    SIZE_BYTES: { description: 'Its size.' },
    STATUS: { description: 'How far processing has come, by name.' },
    CREATED_AT: { description: 'When it was added.' },
    UPDATED_AT: { description: 'When it was last changed.' },
  },
});

const DocumentStatusFilter = enumFilter<DocumentStatus>(DocumentStatus, 'DocumentStatus');

@InputType({ description: 'Which documents to list. All conditions must hold.' })
export class DocumentFilter {
  @Field(() => IDFilter, { nullable: true, description: "The document's id." })
  id?: IDFilter | null;
  @Field(() => IDFilter, { nullable: true, description: "The id of the document's bot." })
  botId?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The file name.' })
  filename?: StringFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The address of the original file.' })
  sourceUri?: StringFilter | null;
  @Field(() => BigIntFilter, { nullable: true, description: 'Size of the original in bytes.' })
  sizeBytes?: RangeFilter<string> | null;
  @Field(() => DocumentStatusFilter, {
    nullable: true,
    description: 'How far processing has come.',
  })
  status?: EnumFilter<DocumentStatus> | null;
  @Field(() => StringFilter, { nullable: true, description: 'Why processing failed.' })
  errorMessage?: StringFilter | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was added.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was last changed.' })
  updatedAt?: RangeFilter<string> | null;
  @Field(() => [DocumentFilter], { nullable: true, description: AND })
  and?: DocumentFilter[] | null;
  @Field(() => [DocumentFilter], { nullable: true, description: OR })
  or?: DocumentFilter[] | null;
  @Field(() => DocumentFilter, { nullable: true, description: NOT })
  not?: DocumentFilter | null;
}

const DocumentOrderBy = orderByOf(DocumentOrderField, 'Document');

@ArgsType()
export class DocumentListArgs extends PageArgs {
  @Field(() => DocumentFilter, {
    nullable: true,
    description: 'Only documents for which this holds.',
  })
  filter?: DocumentFilter | null;
  @Field(() => [DocumentOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; newest first by default.',
  })
  orderBy?: OrderBy[] | null;
}
