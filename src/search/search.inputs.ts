import { Field, ID, InputType, Int } from 'type-graphql';
import type { JsonNumber } from '../base/json.js';
import { DocumentStatus } from '../documents/document.entity.js';
import { StringFilter, StringListFilter } from '../graphql/filters.js';
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

@InputType({ description: 'A range of numbers. Numbers are compared with all their digits.' })
export class NumberRange implements Range<JsonNumber> {
  @Field(() => Float, { nullable: true, description: 'Greater than this.' })
  gt?: JsonNumber | null;
  @Field(() => Float, { nullable: true, description: 'Greater than or equal to this.' })
  gte?: JsonNumber | null;
  @Field(() => Float, { nullable: true, description: 'Less than this.' })
  lt?: JsonNumber | null;
  @Field(() => Float, { nullable: true, description: 'Less than or equal to this.' })
  lte?: JsonNumber | null;
}

@InputType({ description: 'A range of time.' })
export class DateTimeRange implements Range<string> {
  @Field(() => DateTimeScalar, { nullable: true, description: 'After this time.' })
  gt?: string | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'At or after this time.' })
  gte?: string | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'Before this time.' })
  lt?: string | null;
  @Field(() => DateTimeScalar, { nullable: true, description: 'At or before this time.' })
  lte?: string | null;
}

@InputType({
  description:
    "A condition on one value of a chunk's metadata, the one at `path`, or a combination of " +
    'conditions with `and`, `or` and `not`. All that is given must hold, and something must be ' +
    'given: an empty condition would match everything and is refused, and so is a null in it. ' +
    'A value of another type does not match and is not an error.',
})
export class MetadataCondition {
  @Field(() => [String], {
    nullable: true,
    description:
      'The keys that lead to the value, outermost first, 1 to 8 keys of at most 200 ' +
      'characters: `["author", "name"]` is the `name` in `author`. The items of a list ' +
      'are counted from "0". Required unless only `and`, `or` and `not` are given.',
  })
  path?: string[] | null;

  @Field(() => MetadataValueScalar, {
    nullable: true,
    description: 'Equal to this and of the same type: the text "1" does not equal the number 1.',
  })
  equals?: MetadataValue | null;

  @Field(() => [MetadataValueScalar], {
    nullable: true,
    description: 'Equal to one of these, at most 100. An empty list matches nothing.',
  })
  in?: MetadataValue[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'true: the value exists, even if it is a JSON null. false: it does not exist.',
  })
  exists?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'true: the value is a JSON null or does not exist. false: it is something else.',
  })
  isNull?: boolean | null;

  @Field(() => [MetadataValueScalar], {
    nullable: true,
    description:
      'The value is a list that has one of these, at most 100. An empty list matches nothing.',
  })
  hasAny?: MetadataValue[] | null;

  @Field(() => [MetadataValueScalar], {
    nullable: true,
    description:
      'The value is a list that has all of these, at most 100. An empty list matches every list.',
  })
  hasAll?: MetadataValue[] | null;

  @Field(() => NumberRange, { nullable: true, description: 'The value is a number in this range.' })
  number?: NumberRange | null;

  @Field(() => DateTimeRange, {
    nullable: true,
    description:
      'The value is an ISO 8601 date, or date and time, in this range: `2026-01-31`, ' +
      '`2026-01-31T09:30:00Z`. A date means the start of the day; without a time zone it ' +
      'is in UTC.',
  })
  date?: DateTimeRange | null;

  @Field(() => [MetadataCondition], { nullable: true, description: 'All of these hold.' })
  and?: MetadataCondition[] | null;

  @Field(() => [MetadataCondition], { nullable: true, description: 'At least one of these holds.' })
  or?: MetadataCondition[] | null;

  @Field(() => MetadataCondition, {
    nullable: true,
    description: 'This does not hold, for example because there is no value.',
  })
  not?: MetadataCondition | null;
}

@InputType({ description: 'The weights of the two rankings of HYBRID.' })
export class SearchWeights {
  @Field(() => Float, {
    nullable: true,
    description:
      'Weight of the similarity: 0, or 0.000000001 to 10. If omitted, 0.05 where the built-in ' +
      'embedder makes the vector, else 1.',
  })
  vector?: JsonNumber | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Weight of the keyword score: 0, or 0.000000001 to 10. If omitted, 1.',
  })
  keyword?: JsonNumber | null;
}

@InputType({ description: 'What to search for, and where. All conditions must hold.' })
export class SearchChunksInput {
  @Field(() => String, {
    nullable: true,
    description:
      'The text to search for, at most 8,000 characters. KEYWORD and HYBRID require it ' +
      'and search for its words: KEYWORD takes at most 100, HYBRID uses the first 100. ' +
      'VECTOR and HYBRID embed it, unless `embedding` is set.',
  })
  text?: string | null;

  @Field(() => VectorScalar, {
    nullable: true,
    description:
      "A vector from the gateway's model, with the model's length or 1536 numbers. Its " +
      'magnitude does not matter. VECTOR takes it instead of `text`, HYBRID in addition ' +
      'to it; KEYWORD compares no vectors.',
  })
  embedding?: number[] | null;

  @Field(() => SearchMode, {
    defaultValue: SearchMode.VECTOR,
    description: 'What ranks the hits: vectors, words, or both.',
  })
  mode!: SearchMode;

  @Field(() => Int, { defaultValue: 10, description: 'How many hits to find, 1 to 100.' })
  topK!: number;

  @Field(() => String, {
    nullable: true,
    description:
      'Only hits after this cursor: `pageInfo.endCursor` of the previous page, with the ' +
      'same input except `topK`. Not in HYBRID, which has only one page.',
  })
  after?: string | null;

  @Field(() => Int, {
    defaultValue: 0,
    description: 'How many chunks before and after each hit `passages` contains, 0 to 5.',
  })
  contextWindow!: number;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      'Compare every chunk that meets the filters exactly. Always exact, but slower for ' +
      'large tenants.',
  })
  exact!: boolean;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      'Of chunks with equal texts, only the best hit. Such a search has only one page, and looks ' +
      'through the first 500 hits.',
  })
  distinct!: boolean;

  @Field(() => Int, {
    nullable: true,
    description:
      'At most so many hits of each document, 1 to 100. Such a search has only one page, and ' +
      'looks through the first 500 hits.',
  })
  maxPerDocument?: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'Only hits with at least this `similarity`, -1 to 1. Not in KEYWORD, which has no ' +
      'similarity.',
  })
  minSimilarity?: JsonNumber | null;

  @Field(() => SearchWeights, {
    nullable: true,
    description: 'The weights of the two rankings of HYBRID; the usual ones if omitted.',
  })
  weights?: SearchWeights | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Only chunks of this bot. An unknown bot has no chunks.',
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
      'Only chunks of documents with one of these statuses. An empty list matches nothing.',
  })
  documentStatuses?: DocumentStatus[] | null;

  @Field(() => StringFilter, {
    nullable: true,
    description: 'Only chunks of documents whose `filename` meets this.',
  })
  documentFilename?: StringFilter | null;

  @Field(() => StringListFilter, {
    nullable: true,
    description: 'Only chunks of documents whose `tags` meet this.',
  })
  documentTags?: StringListFilter | null;

  @Field(() => JSONObjectScalar, {
    nullable: true,
    description:
      'Only chunks whose `metadata` contains at least these members with these values. ' +
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
    description: 'Only chunks whose `createdAt` is in this range.',
  })
  createdAt?: DateTimeRange | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The tenant to search. The operator must set it; everyone else may only set their own.',
  })
  tenantId?: string | null;
}
