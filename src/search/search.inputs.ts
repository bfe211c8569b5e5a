import { Field, ID, InputType, Int } from 'type-graphql';
import type { JsonNumber } from '../base/json.js';
import { DocumentStatus } from '../documents/document.entity.js';
import { DateTimeScalar, Float, JSONObjectScalar, VectorScalar } from '../graphql/scalars.js';
import { MetadataValueScalar, type MetadataValue } from './metadata-value.js';
import { SearchMode } from './search.types.js';

/** Bounds of a range; those that are absent or null ask nothing. */
export interface Range<T> {
  gt?: T | null;
  gte?: T | null;
  lt?: T | null;
  lte?: T | null;
}

@InputType({ description: 'A range of numbers, which are compared with all their digits.' })
export class NumberRange implements Range<JsonNumber> {
  @Field(() => Float, { nullable: true, description: 'Greater than this.' })
  gt?: JsonNumber | null;
  @Field(() => Float, { nullable: true, description: 'This or greater.' })
  gte?: JsonNumber | null;
  @Field(() => Float, { nullable: true, description: 'Less than this.' })
  lt?: JsonNumber | null;
  @Field(() => Float, { nullable: true, description: 'This or less.' })
  lte?: JsonNumber | null;
}

@InputType({ description: 'A range of time.' })
export class DateTimeRange implements Range<string> {
  @Field(() => DateTimeScalar, { nullable: true, description: 'Later than this.' })
  gt?: string | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'This or later.' })
  gte?: string | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'Earlier than this.' })
  lt?: string | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'This or earlier.' })
  lte?: string | null;
}

@InputType({
  description:
    "What a chunk's metadata must have in one place. All that is given must hold, and " +
    'something must be: a condition that asks nothing is refused, for it would let ' +
    'everything through, and so is a null in one. A value of another type than the one ' +
    'compared with does not match, and is no error.',
})
export class MetadataCondition {
  @Field(() => [String], {
    description:
      'The keys that lead there, the outermost first, 1 to 8 of at most 200 characters: ' +
      '`["author", "name"]` is the `name` in `author`. In a list, its places are counted ' +
      'from "0".',
  })
  path!: string[];

  @Field(() => MetadataValueScalar, {
    nullable: true,
    description: 'Equal to this, and of the same type: the text "1" is not the number 1.',
  })
  equals?: MetadataValue | null;

  @Field(() => [MetadataValueScalar], {
    nullable: true,
    description: 'Equal to one of these, at most 100. Nothing is equal to one of an empty list.',
  })
  in?: MetadataValue[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'true: something is there, be it a JSON null. false: nothing is.',
  })
  exists?: boolean | null;

  @Field(() => NumberRange, { nullable: true, description: 'A number in this range.' })
  number?: NumberRange | null;

  @Field(() => DateTimeRange, {
    nullable: true,
    description:
      'A text that is an ISO 8601 date or date and time in this range: `2026-01-31`, ' +
      '`2026-01-31T09:30:00Z`. A date is its first instant; without a time zone it is in UTC.',
  })
  date?: DateTimeRange | null;
}

@InputType({ description: 'How much the two rankings of HYBRID count.' })
export class SearchWeights {
  @Field(() => Float, {
    defaultValue: 1,
    description: 'Weight of the rank by similarity: 0, or 0.000000001 to 10.',
  })
  vector!: JsonNumber;

  @Field(() => Float, {
    defaultValue: 1,
    description: 'Weight of the rank by words: 0, or 0.000000001 to 10.',
  })
  keyword!: JsonNumber;
}

@InputType({ description: 'What to search for, and where. All conditions must hold.' })
export class SearchChunksInput {
  @Field(() => String, {
    nullable: true,
    description:
      'What to search for, at most 8,000 characters. KEYWORD and HYBRID look for its ' +
      'words, at most 100, and need it; VECTOR and HYBRID embed it, unless there is an ' +
      '`embedding`.',
  })
  text?: string | null;

  @Field(() => VectorScalar, {
    nullable: true,
    description:
      "A vector made elsewhere by the gateway's model, as long as the model makes it or " +
      '1536 numbers. Its magnitude does not matter. In VECTOR in place of `text`, in ' +
      'HYBRID beside it; KEYWORD compares no vectors.',
  })
  embedding?: number[] | null;

  @Field(() => SearchMode, { defaultValue: SearchMode.VECTOR, description: 'What to compare.' })
  mode!: SearchMode;

  @Field(() => Int, { defaultValue: 10, description: 'How many hits to find, 1 to 100.' })
  topK!: number;

  @Field(() => String, {
    nullable: true,
    description:
      'Only hits after this cursor: `pageInfo.endCursor` of the page before, with the ' +
      'same input but for `topK`. Not in HYBRID, which has one page.',
  })
  after?: string | null;

  @Field(() => Int, {
    defaultValue: 0,
    description:
      'How many chunks before and after each hit belong to `passages` of the result, 0 to 5.',
  })
  contextWindow!: number;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      'Compare every chunk of the scope exactly, however many there are. Certain, and ' +
      'slower for large tenants.',
  })
  exact!: boolean;

  @Field(() => Float, {
    nullable: true,
    description:
      'Only hits whose `similarity`, as it is shown, is this or greater; -1 to 1. Not in ' +
      'KEYWORD, which has no similarity.',
  })
  minSimilarity?: JsonNumber | null;

  @Field(() => SearchWeights, {
    nullable: true,
    description: 'How much the two rankings of HYBRID count; both 1 where it is not given.',
  })
  weights?: SearchWeights | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Only chunks of this bot. A bot that you do not have has no chunks.',
  })
  botId?: string | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'Only chunks of these documents, at most 100. Unknown documents have no chunks.',
  })
  documentIds?: string[] | null;

  @Field(() => [DocumentStatus], {
    nullable: true,
    description:
      'Only chunks of documents that are in one of these states. None is in one of an empty list.',
  })
  documentStatuses?: DocumentStatus[] | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description:
      'Only chunks whose `metadata` has at least these members, with these values. ' +
      'https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT',
  })
  metadata?: Record<string, unknown> | null;

  @Field(() => [MetadataCondition], {
    nullable: true,
    description: 'Only chunks whose `metadata` meets all of these, at most 20.',
  })
  metadataConditions?: MetadataCondition[] | null;

  @Field(() => DateTimeRange, {
    nullable: true,
    description: 'Only chunks that were stored in this range of time: their `createdAt`.',
  })
  createdAt?: DateTimeRange | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'Whose chunks. An operator must name the tenant; everyone else has only their own.',
  })
  tenantId?: string | null;
}
