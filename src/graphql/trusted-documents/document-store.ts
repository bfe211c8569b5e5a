import type { ApolloServerOptions, BaseContext } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { TrustedDocuments } from './trusted-documents.js';

/**
 * Room for the documents that callers send themselves, in characters of their text: their syntax
 * trees and plans take some 50 bytes for each.
 */
const MAX_LENGTH = 1_000_000;

/** What a document takes besides, in characters. */
const LENGTH_OF_ENTRY = 500;

type DocumentStore = Exclude<ApolloServerOptions<BaseContext>['documentStore'], null | undefined>;

/**
 * Where Apollo keeps valid documents by the digests of their texts, so that what comes again is not
 * parsed again. Trusted ones are always there; of others the latest, so that a flood of different
 * ones takes no more memory than a few.
 */
export function documentStore(trusted: TrustedDocuments): DocumentStore {
  const latest = new LRUCache<string, DocumentNode>({
    maxSize: MAX_LENGTH,
    sizeCalculation: document => LENGTH_OF_ENTRY + (document.loc?.end ?? 0),
  });
  return {
    // Keys end with the digest, behind one of the schema.
    get: async key => trusted.documentOf(key.slice(-64)) ?? latest.get(key),
    set: async (key, document) => void latest.set(key, document),
    delete: async key => latest.delete(key),
  };
}
