import { Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DocumentChunk } from '../chunks/chunk.entity.js';

export enum SearchMode {
  VECTOR = 'vector',
}
registerEnumType(SearchMode, {
  name: 'SearchMode',
  description: 'What a search compares.',
  valuesConfig: {
    VECTOR: { description: "The meaning: the cosine similarity of the query's vector and each chunk's." },
  },
});

export enum SearchPath {
  EXACT = 'exact',
  CODES = 'codes',
  HNSW = 'hnsw',
}
registerEnumType(SearchPath, {
  name: 'SearchPath',
  description: 'How a search found its hits; the gateway chooses by how many chunks there are.',
  valuesConfig: {
    EXACT: { description: 'Every chunk of the scope was compared exactly.' },
    CODES: { description: 'Every chunk of the scope was compared by a code of one bit for each dimension, and those nearest by it were compared exactly.' },
    HNSW: { description: "An index of the tenant's own led to the chunks that are nearest by their codes, and those were compared exactly." },
  },
});

export enum SearchShortage {
  NO_MORE_CHUNKS = 'noMoreChunks',
  MIN_SIMILARITY = 'minSimilarity',
}
registerEnumType(SearchShortage, {
  name: 'SearchShortage',
  description: 'Why a search has fewer hits than were asked for.',
  valuesConfig: {
    NO_MORE_CHUNKS: { description: 'The scope holds no more chunks that have a vector.' },
    MIN_SIMILARITY: { description: 'The other chunks are less similar than `minSimilarity`.' },
  },
});

@ObjectType({ simpleResolvers: true, description: 'A chunk that a search found.' })
export class ChunkSearchHit {
  @Field(() => Int, { description: 'Its place among the hits, from 1.' })
  rank!: number;

  @Field(() => Float, { description: 'What the hits are ordered by; in the mode VECTOR it is `similarity`.' })
  score!: number;

  @Field(() => Float, { description: "Cosine similarity of the query's vector and the chunk's as it is stored, -1 to 1; never an approximation." })
  similarity!: number;

  @Field(() => DocumentChunk, { description: 'The chunk itself.' })
  chunk!: DocumentChunk;
}

@ObjectType({ simpleResolvers: true, description: 'Whether a search has everything that it was asked for.' })
export class SearchCompleteness {
  @Field(() => Int, { description: 'How many hits were asked for: `topK`.' })
  requested!: number;

  @Field(() => Int, { description: 'How many hits there are.' })
  returned!: number;

  @Field(() => Boolean, {
    description: 'true: every chunk of the scope was compared exactly, so these are the nearest for certain. false: the codes ruled the others out, by a margin that is checked in each search.',
  })
  exact!: boolean;

  @Field(() => Int, { description: 'How many chunks were compared exactly.' })
  candidates!: number;

  @Field(() => SearchPath, { description: 'How the hits were found.' })
  path!: SearchPath;

  @Field(() => SearchShortage, { nullable: true, description: 'Why there are fewer hits than were asked for; null where there are as many.' })
  reason!: SearchShortage | null;
}

@ObjectType({ simpleResolvers: true, description: 'What a search found.' })
export class ChunkSearchResult {
  @Field(() => [ChunkSearchHit], { description: 'The nearest chunks, the nearest first; equal ones by their id.' })
  hits!: ChunkSearchHit[];

  @Field(() => SearchCompleteness, { description: 'Whether these are all that was asked for.' })
  completeness!: SearchCompleteness;

  @Field(() => SearchMode, { description: 'What was compared.' })
  mode!: SearchMode;

  @Field(() => String, { description: 'The model that makes the vectors of this gateway; those of another cannot be compared with them.' })
  embeddingModel!: string;

  @Field(() => Float, { description: 'How long the search took in milliseconds, including the embedding of its text.' })
  tookMs!: number;
}
