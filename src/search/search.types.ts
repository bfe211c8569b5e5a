import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DocumentChunk } from '../chunks/chunk.entity.js';
import { PageInfo } from '../graphql/connection.js';
import { Float } from '../graphql/scalars.js';

export enum SearchMode {
  VECTOR = 'vector',
  KEYWORD = 'keyword',
  HYBRID = 'hybrid',
}
registerEnumType(SearchMode, {
  name: 'SearchMode',
  description: 'What a search compares.',
  valuesConfig: {
    VECTOR: {
      description: "The meaning: the cosine similarity of the query's vector and each chunk's.",
    },
    KEYWORD: {
      description:
        'The words, by their English stems: all of them, or any where no chunk has all. ' +
        '`"a phrase"`, `or` and `-not` work as in a web search. ' +
        'https://www.postgresql.org/docs/current/textsearch-controls.html' +
        '#TEXTSEARCH-PARSING-QUERIES',
    },
    HYBRID: {
      description: 'Both: the first of each ranking, fused by their ranks. One page of up to 100.',
    },
  },
});

export enum SearchScoreKind {
  COSINE_SIMILARITY = 'cosineSimilarity',
  KEYWORD_SCORE = 'keywordScore',
  RECIPROCAL_RANK_FUSION = 'reciprocalRankFusion',
}
registerEnumType(SearchScoreKind, {
  name: 'SearchScoreKind',
  description: 'What the score of a hit is. Scores of different kinds cannot be compared.',
  valuesConfig: {
    COSINE_SIMILARITY: { description: 'Mode VECTOR: `similarity`, -1 to 1.' },
    KEYWORD_SCORE: { description: 'Mode KEYWORD: `keywordScore`, 0 to 1.' },
    RECIPROCAL_RANK_FUSION: {
      description:
        'Mode HYBRID: `weights.vector / (60 + vectorRank) + weights.keyword / (60 + ' +
        'keywordRank)`; a ranking that the chunk is not in adds nothing.',
    },
  },
});

export enum KeywordMatch {
  ALL_WORDS = 'allWords',
  ANY_WORD = 'anyWord',
}
registerEnumType(KeywordMatch, {
  name: 'KeywordMatch',
  description: 'Which of the words a chunk must have to be found.',
  valuesConfig: {
    ALL_WORDS: { description: 'What the text says: all words that it does not join by `or`.' },
    ANY_WORD: {
      description:
        'No chunk of the scope has all words, so those that have any were ranked: the ' +
        'more of the words, the better. What the text excludes stays excluded.',
    },
  },
});

export enum SearchPath {
  EXACT = 'exact',
  CODES = 'codes',
  HNSW = 'hnsw',
  WORDS = 'words',
}
registerEnumType(SearchPath, {
  name: 'SearchPath',
  description: 'How a search found its hits; the gateway chooses by how many chunks there are.',
  valuesConfig: {
    EXACT: { description: 'Every chunk of the scope was compared exactly.' },
    CODES: {
      description:
        'Every chunk of the scope was compared by a code of one bit for each dimension, ' +
        'and those nearest by it were compared exactly.',
    },
    HNSW: {
      description:
        "An index of the tenant's own led to the chunks that are nearest by their codes, " +
        'and those were compared exactly.',
    },
    WORDS: {
      description:
        'Every chunk of the scope that has the words was ranked: the mode KEYWORD. In ' +
        'HYBRID the path is that of the vectors.',
    },
  },
});

export enum SearchShortage {
  NO_MORE_CHUNKS = 'noMoreChunks',
  MIN_SIMILARITY = 'minSimilarity',
  NO_MORE_MATCHES = 'noMoreMatches',
  NO_WORDS = 'noWords',
}
registerEnumType(SearchShortage, {
  name: 'SearchShortage',
  description: 'Why a search has fewer hits than were asked for.',
  valuesConfig: {
    NO_MORE_CHUNKS: {
      description: 'The scope holds no more chunks that have a vector or, in HYBRID, the words.',
    },
    MIN_SIMILARITY: { description: 'The other chunks are less similar than `minSimilarity`.' },
    NO_MORE_MATCHES: { description: 'No more chunks of the scope have the words.' },
    NO_WORDS: {
      description: 'The text has no words to look for: only such as `the` and `of`, or signs.',
    },
  },
});

@ObjectType({ simpleResolvers: true, description: 'A chunk that a search found.' })
export class ChunkSearchHit {
  @Field(() => Int, {
    description: 'Its place among the hits, from 1; it goes on from page to page.',
  })
  rank!: number;

  @Field(() => Float, {
    description: 'What the hits are ordered by; `scoreKind` of the result says what it is.',
  })
  score!: number;

  @Field(() => Float, {
    nullable: true,
    description:
      "Cosine similarity of the query's vector and the chunk's as it is stored, -1 to 1; " +
      'never an approximation. Null in the mode KEYWORD, which has no query vector, and ' +
      'for a chunk without a vector.',
  })
  similarity!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'How well the words match, 0 to 1 and usually below 0.1: how often and how close ' +
      'together they stand, for the length of the chunk. Compare it within one answer ' +
      'only. Null in the mode VECTOR, and for a hit of HYBRID that is not among the ' +
      'first by words.',
  })
  keywordScore!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its place by similarity, from 1. Null in the mode KEYWORD, and for a hit of ' +
      'HYBRID that is not among the first by similarity.',
  })
  vectorRank!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its place by words, from 1. Null in the mode VECTOR, and for a hit of HYBRID that ' +
      'is not among the first by words.',
  })
  keywordRank!: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Up to three fragments of the text around the words, joined by ` … `, as HTML: the ' +
      'words stand between `<mark>` and `</mark>`, everything else is escaped, so it can ' +
      'be put into a page as it is. Null in the mode VECTOR. Costs reading the text of ' +
      'each hit again; select it only where it is shown.',
  })
  highlight!: string | null;

  @Field(() => DocumentChunk, { description: 'The chunk itself.' })
  chunk!: DocumentChunk;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Whether a search has everything that it was asked for.',
})
export class SearchCompleteness {
  @Field(() => Int, { description: 'How many hits were asked for: `topK`.' })
  requested!: number;

  @Field(() => Int, { description: 'How many hits there are.' })
  returned!: number;

  @Field(() => Boolean, {
    description:
      'true: every chunk of the scope was compared exactly, so these are the best for ' +
      'certain. false: the codes ruled the others out, by a margin that is checked in ' +
      'each search.',
  })
  exact!: boolean;

  @Field(() => Int, {
    description:
      'How many chunks were compared exactly; in the mode KEYWORD, how many have the words.',
  })
  candidates!: number;

  @Field(() => SearchPath, { description: 'How the hits were found.' })
  path!: SearchPath;

  @Field(() => SearchShortage, {
    nullable: true,
    description: 'Why there are fewer hits than were asked for; null where there are as many.',
  })
  reason!: SearchShortage | null;

  @Field(() => Boolean, {
    description:
      'Whether there are hits beyond these: on the next page or, in HYBRID, with a greater `topK`.',
  })
  hasMore!: boolean;
}

@ObjectType({ simpleResolvers: true, description: 'What a search found.' })
export class ChunkSearchResult {
  @Field(() => [ChunkSearchHit], {
    description: 'The best chunks, the best first; equal ones by their id.',
  })
  hits!: ChunkSearchHit[];

  /** Of the input: what `passages` are made with. */
  contextWindow!: number;

  @Field(() => SearchCompleteness, { description: 'Whether these are all that was asked for.' })
  completeness!: SearchCompleteness;

  @Field(() => PageInfo, {
    description:
      'Where the page ends, for `after`. Of HYBRID there is one page: no next one, ' +
      'whatever `completeness.hasMore` says, and its cursors are null.',
  })
  pageInfo!: PageInfo;

  @Field(() => SearchMode, { description: 'What was compared.' })
  mode!: SearchMode;

  @Field(() => SearchScoreKind, { description: 'What `score` of each hit is.' })
  scoreKind!: SearchScoreKind;

  @Field(() => KeywordMatch, {
    nullable: true,
    description:
      'Which of the words the hits must have. Null in the mode VECTOR, and where no chunk has any.',
  })
  keywordMatch!: KeywordMatch | null;

  @Field(() => String, {
    description:
      'The model that makes the vectors of this gateway; those of another cannot be ' +
      'compared with them.',
  })
  embeddingModel!: string;

  @Field(() => Float, {
    description: 'How long the search took in milliseconds, including the embedding of its text.',
  })
  tookMs!: number;
}
