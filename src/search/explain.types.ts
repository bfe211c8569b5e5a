import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Float } from '../graphql/scalars.js';
import { KeywordMatch, SearchCompleteness } from './search.types.js';

export enum SearchStage {
  SCOPE = 'scope',
  FILTER = 'filter',
  MATCH = 'match',
  THRESHOLD = 'threshold',
  CANDIDATES = 'candidates',
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
    TOP_K: { description: '`topK` other chunks are better.' },
  },
});

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

  @Field(() => KeywordMatch, { nullable: true, description: 'Which of the words had to match.' })
  keywordMatch!: KeywordMatch | null;

  @Field(() => SearchCompleteness, { description: 'The completeness of the search.' })
  completeness!: SearchCompleteness;
}
