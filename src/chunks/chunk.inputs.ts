import { ArgsType, Field, InputType, registerEnumType } from 'type-graphql';
import { PageArgs } from '../graphql/connection.js';
import {
  AND,
  NOT,
  OR,
  BooleanFilter,
  DateTimeFilter,
  IDFilter,
  IntFilter,
  JSONObjectFilter,
  StringFilter,
  type RangeFilter,
} from '../graphql/filters.js';
import { orderByOf, type OrderBy } from '../graphql/order.js';

enum DocumentChunkOrderField {
  CHUNK_INDEX = 'chunkIndex',
  PAGE_NUM = 'pageNum',
  CREATED_AT = 'createdAt',
}
registerEnumType(DocumentChunkOrderField, {
  name: 'DocumentChunkOrderField',
  description: 'What chunks can be ordered by.',
  valuesConfig: {
    CHUNK_INDEX: { description: 'Its position in the document.' },
    PAGE_NUM: { description: 'Its page in the original.' },
    CREATED_AT: { description: 'When it was stored.' },
  },
});

@InputType({ description: 'Which chunks to list. All conditions must hold.' })
export class DocumentChunkFilter {
  @Field(() => IDFilter, { nullable: true, description: "The chunk's id." })
  id?: IDFilter | null;
  @Field(() => StringFilter, { nullable: true, description: 'The passage.' })
  text?: StringFilter | null;
  @Field(() => IntFilter, { nullable: true, description: 'Its position in the document, from 0.' })
  chunkIndex?: RangeFilter<number> | null;
  @Field(() => IntFilter, { nullable: true, description: 'Its page in the original, from 1.' })
  pageNum?: RangeFilter<number> | null;
  @Field(() => JSONObjectFilter, { nullable: true, description: 'Its metadata.' })
  metadata?: JSONObjectFilter | null;
  @Field(() => BooleanFilter, { nullable: true, description: 'Whether it has a vector.' })
  hasEmbedding?: BooleanFilter | null;
  @Field(() => DateTimeFilter, { nullable: true, description: 'When it was stored.' })
  createdAt?: RangeFilter<string> | null;
  @Field(() => [DocumentChunkFilter], { nullable: true, description: AND })
  and?: DocumentChunkFilter[] | null;
  @Field(() => [DocumentChunkFilter], { nullable: true, description: OR })
  or?: DocumentChunkFilter[] | null;
  @Field(() => DocumentChunkFilter, { nullable: true, description: NOT })
  not?: DocumentChunkFilter | null;
}

const DocumentChunkOrderBy = orderByOf(DocumentChunkOrderField, 'DocumentChunk');

@ArgsType()
export class DocumentChunkListArgs extends PageArgs {
  @Field(() => DocumentChunkFilter, {
    nullable: true,
    description: 'Only chunks for which this holds.',
  })
  filter?: DocumentChunkFilter | null;
  @Field(() => [DocumentChunkOrderBy], {
    nullable: true,
    description: 'In which order, at most 3 steps; in the order of the text by default.',
  })
  orderBy?: OrderBy[] | null;
}
