import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Float } from '../graphql/scalars.js';
import { KeywordMatch, SearchCompleteness } from './search.types.js';

export enum SearchStage {
  SCOPE = 'scope',
  FILTER = 'filter',
  MATCH = 'match',
  THRESHOLD = 'threshold',
  CANDIDATES = 'candidates',
  DISTINCT = 'distinct',
  MAX_PER_DOCUMENT = 'maxPerDocument',
  TOP_K = 'topK',
}
registerEnumType(SearchStage, {
  name: 'SearchStage',
  description: 'The stages at which a search excludes chunks, in this order.',
  valuesConfig: {
    SCOPE: { description: 'Your tenant has no such chunk.' },
    FILTER: { description: 'It does not meet the filters that `failedFilters` names.' },
    MATCH: {
      description: 'It has no vector or, if the search uses words, none of the words.',
    },
    THRESHOLD: { description: 'It is less similar than `minSimilarity`.' },
    CANDIDATES: {
      description:
        'It was not among the chunks that were compared exactly, which cannot happen ' +
        'with `exact: true`; or, in HYBRID, it was in neither of the two combined ' +
        'rankings.',
    },
    DISTINCT: { description: 'A better hit has the same text, and `distinct` is set.' },
    MAX_PER_DOCUMENT: { description: '`maxPerDocument` other hits of its document are better.' },
    TOP_K: { description: '`topK` other chunks are better.' },
  },
});

@ObjectType({
  simpleResolvers: true,
  description: "One word of the search in a chunk's keyword score.",
})
export class WordExplanation {
  @Field(() => String, {
    description: 'The word as it is indexed: the form of it that counts most in this chunk.',
  })
  word!: string;

  @Field(() => Int, {
    description:
      "In how many of the tenant's chunks it occurs, as the search counted them; of tenants with " +
      'more than 1,000 chunks, the count may be a minute old.',
  })
  frequency!: number;

  @Field(() => Float, {
    description:
      'Its weight by its rarity: `ln(1 + (chunks - frequency + 0.5) / (frequency + 0.5))`.',
  })
  idf!: number;

  @Field(() => Int, { description: 'How often it occurs in this chunk.' })
  count!: number;

  @Field(() => Float, {
    description:
      'What it adds to `keywordScore`: `idf * count * 3 / (count + 2 * (0.25 + 0.75 * length ' +
      '/ meanLength))`.',
  })
  score!: number;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'The parts of a keyword score: the scores of the words, `allWordsPart` and `closenessPart`.',
})
export class KeywordExplanation {
  @Field(() => [WordExplanation], {
    description: 'The words of the search, those that the chunk does not contain included.',
  })
  words!: WordExplanation[];

  @Field(() => Float, { description: 'What it gains by containing all words.' })
  allWordsPart!: number;

  @Field(() => Float, { description: 'What it gains by words that stand close together.' })
  closenessPart!: number;

  @Field(() => Int, { description: "The length of the chunk's text in bytes." })
  length!: number;

  @Field(() => Float, {
    description: "The mean length of the tenant's chunks in bytes; of a sample, if they are many.",
  })
  meanLength!: number;

  @Field(() => Int, { description: "The number of the tenant's chunks." })
  chunks!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Why a chunk is among the hits of a search, or is not.',
})
export class ChunkExplanation {
  @Field(() => Boolean, { description: 'Whether it is one of the hits.' })
  isHit!: boolean;

  @Field(() => SearchStage, {
    nullable: true,
    description: 'The first stage that excluded it; null for a hit.',
  })
  droppedBy!: SearchStage | null;

  @Field(() => [String], {
    description:
      'The fields of the input that it does not meet, such as `botId` or `metadataConditions[1]`.',
  })
  failedFilters!: string[];

  @Field(() => Int, {
    nullable: true,
    description: 'Its rank among the hits, from 1; null if it is not a hit.',
  })
  rank!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'Its exact cosine similarity. Null in the mode KEYWORD and for a chunk without a vector.',
  })
  similarity!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its exact rank by similarity among the chunks that meet the filters, from 1, even ' +
      'if it does not meet them itself.',
  })
  vectorRank!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'How well the words match. Null in the mode VECTOR, and if the chunk does not contain them.',
  })
  keywordScore!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its rank by words among the chunks that meet the filters, from 1, even if it does ' +
      'not meet them itself.',
  })
  keywordRank!: number | null;

  @Field(() => KeywordExplanation, {
    nullable: true,
    description:
      'The parts of `keywordScore`. Null in the mode VECTOR, and if the chunk contains no word.',
  })
  keyword!: KeywordExplanation | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'Mode HYBRID: what its similarity adds before the weight, 0 to 1. 0 if it is not among the ' +
      'first by similarity.',
  })
  vectorPart!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'Mode HYBRID: what its words add before the weight, 0 to 1. 0 if it is not among the first ' +
      'by words.',
  })
  keywordPart!: number | null;

  @Field(() => KeywordMatch, {
    nullable: true,
    description: 'Whether there are chunks with all words.',
  })
  keywordMatch!: KeywordMatch | null;

  @Field(() => SearchCompleteness, { description: 'The completeness of the search.' })
  completeness!: SearchCompleteness;
}
