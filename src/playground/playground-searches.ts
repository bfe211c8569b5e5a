import { SAMPLE_BOT_ID, type PlaygroundOperation } from './playground-operation.js';

export const SEARCH_BY_MEANING: PlaygroundOperation = {
  name: 'Search by meaning',
  query: `# The passages closest to a question, from all of the
# tenant's documents. Enter your own question under
# VARIABLES, at the bottom. "completeness" says whether
# a better passage may be missing.

query SearchByMeaning($text: String!) {
  searchChunks(input: { text: $text, topK: 5 }) {
    tookMs
    embeddingModel
    completeness { requested returned exact }
    hits {
      rank
      similarity
      chunk {
        text
        document { filename }
        bot { name }
      }
    }
  }
}
`,
  variables: { text: 'How do I return an item and when do I get my money?' },
};

export const SEARCH_BY_WORDS: PlaygroundOperation = {
  name: 'Search by words',
  query: `# As in a web search: all words, "a phrase", or, -not.
# "highlight" is HTML in which only the marks are markup.
# For the next page put "endCursor" into "after".

query SearchByWords($text: String!, $after: String) {
  searchChunks(input: { text: $text, mode: KEYWORD, topK: 5, after: $after }) {
    keywordMatch
    completeness { returned candidates reason hasMore }
    hits {
      rank
      keywordScore
      highlight
      chunk { document { filename } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  variables: { text: 'refund or return', after: null },
};

export const SEARCH_BY_BOTH: PlaygroundOperation = {
  name: 'Search by meaning and words',
  query: `# Both rankings, combined: each hit shows its rank in
# both. "passages" are the hits with their neighbours,
# for example as input for a language model.

query SearchByBoth($text: String!, $weights: SearchWeights) {
  searchChunks(input: { text: $text, mode: HYBRID, weights: $weights, topK: 5, contextWindow: 1 }) {
    scoreKind
    keywordMatch
    hits {
      rank
      score
      vectorRank
      keywordRank
      similarity
      chunk { id document { filename } }
    }
    passages { ranks text firstChunkIndex lastChunkIndex }
  }
}
`,
  variables: {
    text: 'Do you deliver to Canada and what does it cost?',
    weights: { vector: 1, keyword: 1 },
  },
};

export const SEARCH_IN_ONE_BOT: PlaygroundOperation = {
  name: 'Search within one bot',
  query: `# Only chunks of one bot, with a minimum similarity and
# with this metadata. A variable that is null applies no
# filter.

query SearchInOneBot($text: String!, $botId: ID, $minSimilarity: Float, $metadata: JSONObject) {
  searchChunks(
    input: {
      text: $text
      topK: 10
      botId: $botId
      minSimilarity: $minSimilarity
      metadata: $metadata
    }
  ) {
    completeness { requested returned exact reason }
    hits {
      rank
      similarity
      chunk {
        id
        text
        metadata
        document { id filename }
      }
    }
  }
}
`,
  variables: {
    text: 'Do you deliver to Canada and what does it cost?',
    botId: SAMPLE_BOT_ID,
    minSimilarity: 0.05,
    metadata: { audience: 'customers' },
  },
};
