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
  description: 'Where a search leaves chunks out, in this order.',
  valuesConfig: {
    SCOPE: { description: 'You have no such chunk.' },
    FILTER: { description: 'The filters leave it out: `failedFilters` says which.' },
    MATCH: {
      description:
        'There is nothing to compare: it has no vector or, where words count, none of the words.',
    },
    THRESHOLD: { description: 'It is less similar than `minSimilarity`.' },
    CANDIDATES: {
      description:
        'It was not among the chunks that were compared exactly, or in HYBRID in neither ' +
        'of the two rankings that were fused. With `exact: true` the first cannot happen.',
    },
    TOP_K: { description: 'There are enough better ones.' },
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
    description: 'The first stage that left it out; null for a hit.',
  })
  droppedBy!: SearchStage | null;

  @Field(() => [String], {
    description:
      'The fields of the input that it does not meet, such as `botId` or `metadataConditions[1]`.',
  })
  failedFilters!: string[];

  @Field(() => Int, {
    nullable: true,
    description: 'Its place among the hits, from 1; null where it is none.',
  })
  rank!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Its exact cosine similarity. Null in the mode KEYWORD and without a vector.',
  })
  similarity!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its exact place by similarity among the chunks that meet the filters, from 1, be ' +
      'it one of them or not.',
  })
  vectorRank!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'How well the words match. Null in the mode VECTOR, and where it does not have them.',
  })
  keywordScore!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its place by words among the chunks that meet the filters, from 1, be it one of ' +
      'them or not.',
  })
  keywordRank!: number | null;

  @Field(() => KeywordMatch, { nullable: true, description: 'Which of the words counted.' })
  keywordMatch!: KeywordMatch | null;

  @Field(() => SearchCompleteness, { description: 'How the search went.' })
  completeness!: SearchCompleteness;
}
