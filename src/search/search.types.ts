// Longer than 300 lines: descriptions of the types that a search returns.
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
        'The words, as they stand and by their stems: chunks with any of them, and first those ' +
        'with rare words and with most of the words. ' +
        '`"a phrase"`, `or` and `-not` work as in a web search. ' +
        'https://www.postgresql.org/docs/current/textsearch-controls.html' +
        '#TEXTSEARCH-PARSING-QUERIES',
    },
    HYBRID: {
      description:
        'Both: the best chunks of each ranking, by the sum of their scores. One page of up to 100.',
    },
  },
});

export enum SearchScoreKind {
  COSINE_SIMILARITY = 'cosineSimilarity',
  KEYWORD_SCORE = 'keywordScore',
  WEIGHTED_SUM = 'weightedSum',
}
registerEnumType(SearchScoreKind, {
  name: 'SearchScoreKind',
  description: "The meaning of a hit's score. Scores of different kinds cannot be compared.",
  valuesConfig: {
    COSINE_SIMILARITY: { description: 'Mode VECTOR: `similarity`, -1 to 1.' },
    KEYWORD_SCORE: { description: 'Mode KEYWORD: `keywordScore`, 0 and more.' },
    WEIGHTED_SUM: {
      description:
        'Mode HYBRID: `weights.vector * vectorPart + weights.keyword * keywordPart`. Both parts ' +
        'are 0 to 1; `explainChunk` shows them. A ranking without the chunk adds nothing.',
    },
  },
});

export enum KeywordMatch {
  ALL_WORDS = 'allWords',
  ANY_WORD = 'anyWord',
}
registerEnumType(KeywordMatch, {
  name: 'KeywordMatch',
  description: 'Whether there are chunks with all of the words. Any of them is enough to be found.',
  valuesConfig: {
    ALL_WORDS: {
      description:
        'At least one chunk contains all words, except those that the text joins by `or`.',
    },
    ANY_WORD: {
      description:
        'No chunk that meets the filters contains all words. The hits contain some of them. ' +
        'Excluded words stay excluded.',
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
  description: 'How a search found its hits. The gateway chooses the path by the number of chunks.',
  valuesConfig: {
    EXACT: { description: 'Every chunk that meets the filters was compared exactly.' },
    CODES: {
      description:
        'Every chunk that meets the filters was compared by a code of one bit per ' +
        'dimension, and the nearest ones were compared exactly.',
    },
    HNSW: {
      description:
        "The tenant's separate index found the chunks that are nearest by their codes, " +
        'and these were compared exactly.',
    },
    WORDS: {
      description:
        'The chunks that meet the filters and contain a word were ranked (mode KEYWORD). In ' +
        'HYBRID, the path is that of the vectors.',
    },
  },
});

export enum SearchShortage {
  NO_MORE_CHUNKS = 'noMoreChunks',
  MIN_SIMILARITY = 'minSimilarity',
  NO_MORE_MATCHES = 'noMoreMatches',
  NO_WORDS = 'noWords',
  LEFT_OUT = 'leftOut',
}
registerEnumType(SearchShortage, {
  name: 'SearchShortage',
  description: 'Why a search has fewer hits than requested.',
  valuesConfig: {
    NO_MORE_CHUNKS: {
      description: 'No more chunks that meet the filters have a vector or, in HYBRID, the words.',
    },
    MIN_SIMILARITY: { description: 'The other chunks are less similar than `minSimilarity`.' },
    NO_MORE_MATCHES: { description: 'No more chunks that meet the filters contain the words.' },
    NO_WORDS: {
      description: 'The text contains no searchable words, only punctuation.',
    },
    LEFT_OUT: { description: '`distinct` or `maxPerDocument` left out other hits.' },
  },
});

export enum SearchNote {
  FIRST_WORDS_ONLY = 'firstWordsOnly',
  EXCLUSIONS_AS_WORDS = 'exclusionsAsWords',
}
registerEnumType(SearchNote, {
  name: 'SearchNote',
  description: 'How a search read its text, where that may surprise.',
  valuesConfig: {
    FIRST_WORDS_ONLY: { description: 'The text has more than 100 words; the first 100 counted.' },
    EXCLUSIONS_AS_WORDS: {
      description:
        'No chunk has the words without those after a `-`, so these were searched for as well, ' +
        'as in `tar -xvf`.',
    },
  },
});

@ObjectType({ simpleResolvers: true, description: 'A chunk that a search found.' })
export class ChunkSearchHit {
  @Field(() => Int, {
    description: 'Its rank among the hits, from 1, counted over all pages.',
  })
  rank!: number;

  @Field(() => Float, {
    description:
      'The score that the hits are sorted by; `scoreKind` of the result says what it means.',
  })
  score!: number;

  @Field(() => Float, {
    nullable: true,
    description:
      "Exact cosine similarity of the query's vector and the chunk's stored vector, -1 " +
      'to 1. Null in the mode KEYWORD, which has no query vector, and for a chunk ' +
      'without a vector.',
  })
  similarity!: number | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'How well the words match (BM25), 0 and more. Rare words of the tenant count more than ' +
      'common ones, and the same words in a short chunk more than in a long one. All words ' +
      'together, and words side by side, add a little. Compare it only within one answer. ' +
      'Null in the mode VECTOR, and for a hit of HYBRID that is not among the first by words.',
  })
  keywordScore!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its rank by similarity, from 1. Null in the mode KEYWORD, and for a hit of HYBRID ' +
      'that is not among the first by similarity.',
  })
  vectorRank!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Its rank by words, from 1. Null in the mode VECTOR, and for a hit of HYBRID that ' +
      'is not among the first by words.',
  })
  keywordRank!: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Up to three fragments of the text around the words, joined by ` … `, as HTML. The ' +
      'words are between `<mark>` and `</mark>` and everything else is escaped, so you ' +
      'can insert it into a page. Null in the mode VECTOR. Reads the text of each hit ' +
      'again, so select it only if you show it.',
  })
  highlight!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The same of what stands above the text, where a word was found in it: the file name, the ' +
      'headings, and the header of a table that was cut.',
  })
  contextHighlight!: string | null;

  @Field(() => DocumentChunk, { description: 'The chunk.' })
  chunk!: DocumentChunk;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Whether the result of a search is complete.',
})
export class SearchCompleteness {
  @Field(() => Int, { description: 'The number of requested hits: `topK`.' })
  requested!: number;

  @Field(() => Int, { description: 'The number of hits.' })
  returned!: number;

  @Field(() => Boolean, {
    description:
      'true: every chunk that meets the filters was compared exactly, so these are ' +
      'certainly the best. false: the other chunks were excluded by their codes, with a ' +
      'margin that every search checks.',
  })
  exact!: boolean;

  @Field(() => Int, {
    description:
      'The number of chunks that were compared exactly; in the mode KEYWORD, the number ' +
      'that contain the words.',
  })
  candidates!: number;

  @Field(() => SearchPath, { description: 'How the hits were found.' })
  path!: SearchPath;

  @Field(() => SearchShortage, {
    nullable: true,
    description: 'Why there are fewer hits than requested; null if there are as many.',
  })
  reason!: SearchShortage | null;

  @Field(() => Boolean, {
    description:
      'Whether there are more hits: on the next page or, in HYBRID, with a larger `topK`.',
  })
  hasMore!: boolean;

  @Field(() => [SearchNote], {
    description: 'How the text was read, where that may surprise; empty otherwise.',
  })
  notes!: SearchNote[];
}

@ObjectType({ simpleResolvers: true, description: 'The result of a search.' })
export class ChunkSearchResult {
  @Field(() => [ChunkSearchHit], {
    description: 'The best chunks, best first; chunks with equal scores are sorted by id.',
  })
  hits!: ChunkSearchHit[];

  /** Of the input: what `passages` are made with. */
  contextWindow!: number;

  @Field(() => SearchCompleteness, { description: 'Whether the result is complete.' })
  completeness!: SearchCompleteness;

  @Field(() => PageInfo, {
    description:
      'The end of the page, for `after`. HYBRID and a search with `distinct` or ' +
      '`maxPerDocument` have only one page: there is no next page, even if ' +
      '`completeness.hasMore` is true, and the cursors are null.',
  })
  pageInfo!: PageInfo;

  @Field(() => SearchMode, { description: 'What the search compared.' })
  mode!: SearchMode;

  @Field(() => SearchScoreKind, { description: "The meaning of each hit's `score`." })
  scoreKind!: SearchScoreKind;

  @Field(() => KeywordMatch, {
    nullable: true,
    description:
      'Which of the words the hits must contain. Null in the mode VECTOR, and if no ' +
      'chunk contains any.',
  })
  keywordMatch!: KeywordMatch | null;

  @Field(() => String, {
    description:
      'The embedding model of this gateway. Vectors of other models cannot be compared ' +
      'with its vectors.',
  })
  embeddingModel!: string;

  @Field(() => Float, {
    description: 'How long the search took in milliseconds, including the embedding of its text.',
  })
  tookMs!: number;
}
